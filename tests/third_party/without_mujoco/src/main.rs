use kinitro_eval::{Evaluation, RandomPolicy, Registry};

fn main() {
    let registry = Registry::builtin();
    assert!(registry.env_ids().is_empty(), "an environment without a simulator");
    println!("{:?}", Evaluation::new(RandomPolicy::new()).registry(registry));
    #[cfg(feature = "http")]
    println!("{}", std::any::type_name::<kinitro_eval::HttpPolicy>());
    #[cfg(feature = "serve")]
    println!("{}", std::any::type_name::<kinitro_eval::policy::serve::PolicyServer>());
}
