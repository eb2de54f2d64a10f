//! Everything that implements a trait of the crate keeps to what the trait says.

use kinitro_eval::env::point::PointFamily;
use kinitro_eval::{RandomPolicy, Registry, ZeroPolicy, conformance};

fn registry() -> Registry {
    let mut registry = Registry::builtin();
    registry.register(PointFamily);
    registry
}

#[test]
fn every_family_conforms_and_takes_pictures() {
    registry().families().for_each(conformance::environment_family);
}

#[tokio::test]
async fn every_policy_of_this_process_conforms() {
    let registry = registry();
    for env_id in registry.env_ids() {
        conformance::policy(&mut ZeroPolicy::new(), &registry, &env_id).await;
        conformance::policy(&mut RandomPolicy::new(), &registry, &env_id).await;
    }
}

#[cfg(feature = "serve")]
#[tokio::test]
async fn a_policy_behind_http_conforms() {
    use kinitro_eval::HttpPolicy;
    use kinitro_eval::policy::serve::PolicyServer;

    let registry = registry();
    let server = PolicyServer::bind("127.0.0.1:0").await.unwrap().with_registry(registry.clone());
    let url = format!("http://{}", server.local_addr());
    tokio::spawn(server.serve(RandomPolicy::new(), std::future::pending()));
    for env_id in registry.env_ids() {
        conformance::policy(&mut HttpPolicy::new(&url).unwrap(), &registry, &env_id).await;
    }
}
