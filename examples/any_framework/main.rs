//! The core alone, for a server that no adapter is for: what an adapter does, by hand. The server
//! here is a few lines over a socket, so that there is one.
//!
//! ```text
//! HOSTWARES_WEBHOOK_SECRET=… cargo run --example any_framework -- 127.0.0.1:3000
//! ```

mod http;

use std::error::Error;
use std::io;
use std::time::Duration;

use countersign::providers::hostwares;
use countersign::{Answer, Endpoint, FromDelivery, MemoryStore, Receiver, Reply, Runtime, Secret};
use tokio::net::{TcpListener, TcpStream};

use crate::http::{Body, Head, Response};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let endpoint = Endpoint::builder("hostwares", hostwares::provider())
        .secret(Secret::from_env("HOSTWARES_WEBHOOK_SECRET")?)
        .build()?;
    // The core brings no async runtime: these two lines are all that it needs of one.
    let runtime =
        Runtime::new(|task| drop(tokio::spawn(task)), |time| Box::pin(tokio::time::sleep(time)));
    let receiver = Receiver::builder(endpoint, MemoryStore::new()).runtime(runtime).build();

    let address = std::env::args().nth(1).or_else(|| std::env::var("ADDR").ok());
    let listener = TcpListener::bind(address.as_deref().unwrap_or("127.0.0.1:3000")).await?;
    println!("listening on http://{}", listener.local_addr()?);
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of file descriptors, say: some connection will end.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let receiver = receiver.clone();
        tokio::spawn(async move {
            if let Err(error) = serve(stream, receiver).await {
                eprintln!("connection: {error}");
            }
        });
    }
}

/// One request, one answer.
async fn serve(mut stream: TcpStream, receiver: Receiver<MemoryStore>) -> io::Result<()> {
    let head = Head::read(&mut stream).await?;
    let response = match handle(&head, &mut stream, receiver).await {
        Ok(response) => response,
        // Whatever step refused, or a handshake that is answered: print what the core says.
        Err(reply) => Response {
            status: reply.status(),
            headers: reply.headers().collect(),
            body: reply.body(),
        },
    };
    response.write(&mut stream).await
}

async fn handle(
    head: &Head,
    stream: &mut TcpStream,
    receiver: Receiver<MemoryStore>,
) -> Result<Response, Reply> {
    // Step 1, before anything of the body is read.
    let arriving = receiver.begin(head)?;

    // What this little server cannot read. Taken for an empty body, a genuine delivery would be
    // refused as a forgery, and senders disable endpoints that answer 401.
    let Some(length) = head.length() else { return Ok(Response::empty(411)) };

    // Steps 2 to 4: the body as it comes, with a limit to how long that takes.
    let deadline = tokio::time::sleep(receiver.endpoint().body_timeout());
    let delivery = receiver.receive(arriving, Body::new(head, length, stream), deadline).await?;

    // Steps 5 to 7. In a task of its own, so that a sender that hangs up does not cut the handler
    // in half; the claim is settled by what it answers, heard or not.
    let handling = receiver.handle(delivery, |delivery| async move {
        let status = match hostwares::Event::from_delivery(&delivery) {
            Ok(event) => {
                println!("{}: {:?}", event.event_type, event.data);
                204
            }
            Err(error) => error.status(),
        };
        Answer::new(status, Response::empty(status))
    });
    match tokio::spawn(handling).await {
        Ok(answer) => answer.map_err(Reply::from),
        // The handler panicked. Its claim has been released.
        Err(_) => Ok(Response::empty(500)),
    }
}
