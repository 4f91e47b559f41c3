//! Follows one job of a running service, through breaks of the connection, until it is over.
//!
//! ```text
//! cargo run --example watch --features client -- http://127.0.0.1:7878/v1/jobs/ID/stream
//! ```
//!
//! The capability is read from `NARROWCAST_CAPABILITY`: what stands on a command line, every user of the machine can
//! read.

use narrowcast::client::{Client, Delivery, Update};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url =
        std::env::args().nth(1).ok_or("give the address of a stream: watch http://HOST:PORT/v1/jobs/ID/stream")?;
    let mut client = Client::new(&url)?;
    if let Ok(capability) = std::env::var("NARROWCAST_CAPABILITY") {
        client = client.capability(&capability)?;
    }
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(follow(&client))
}

async fn follow(client: &Client) -> Result<(), Box<dyn std::error::Error>> {
    let mut watch = client.watch();
    while let Some(update) = watch.next().await {
        match update? {
            Update::Delivery(Delivery::Narration(event)) => println!("{}", event.decode()?),
            Update::Delivery(Delivery::Data(event)) => println!("{}", event.as_json()),
            Update::Delivery(Delivery::Lagged(lost)) => println!("({lost} events were evicted before we read them)"),
            Update::Delivery(Delivery::Done(outcome)) => println!("the job is {outcome}"),
            Update::Delivery(Delivery::Stopped(why)) => println!("the server stopped this stream: {why}"),
            Update::Reconnecting { after, lost } => eprintln!("{lost}; connecting again in {after:.1?}"),
            Update::Resumed { position: Some(_) } => eprintln!("connected again, where it broke off"),
            Update::Resumed { position: None } => {
                eprintln!("connected again; the server had given no position to go on from")
            }
            other => println!("{other:?}"),
        }
    }
    Ok(())
}
