//! tmp
#[tokio::main]
async fn main() {
    let b = kinitro_chain::local::LocalChain::builder().netuid(26).port(19944);
    let b = match std::env::args().nth(1) {
        Some(f) => b.metadata(std::fs::read(f).unwrap()),
        None => b,
    };
    let c = b.start().await.unwrap();
    println!("{}", c.url());
    std::future::pending::<()>().await
}
