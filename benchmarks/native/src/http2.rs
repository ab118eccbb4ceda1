//! The same answers over HTTP/2.

use std::future::poll_fn;
use std::io;
use std::rc::Rc;

use bytes::{Bytes, BytesMut};
use h2::SendStream;
use h2::server::{Builder, SendResponse};
use http::{Request, Response};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::sleep;

use super::{Answer, Answers, Pace, answer_to, end_of_stream, model};

/// Streams that a connection may have at once, as most servers have it.
const STREAMS: u32 = 100;

/// Answers the requests of one connection until it ends.
pub async fn converse(stream: impl AsyncRead + AsyncWrite + Unpin, answers: Answers) -> io::Result<()> {
    let mut builder = Builder::new();
    builder.max_concurrent_streams(STREAMS);
    let mut connection = builder.handshake(stream).await.map_err(io::Error::other)?;
    while let Some(accepted) = connection.accept().await {
        let (request, respond) = accepted.map_err(io::Error::other)?;
        let answers = Rc::clone(&answers);
        tokio::task::spawn_local(async move {
            let _left = answer(request, respond, answers).await;
        });
    }
    Ok(())
}

async fn answer(
    request: Request<h2::RecvStream>,
    mut respond: SendResponse<Bytes>,
    answers: Answers,
) -> Result<(), Box<dyn std::error::Error>> {
    let mut incoming = request.into_body();
    let mut body = BytesMut::new();
    while let Some(data) = incoming.data().await {
        let data = data?;
        incoming.flow_control().release_capacity(data.len())?;
        body.extend_from_slice(&data);
    }
    if body.is_empty() {
        // A client warms its connection up.
        respond.send_response(Response::new(()), true)?;
        return Ok(());
    }
    let model = model(&body).ok_or("no model")?.to_owned();
    let answer = answer_to(model, &answers)?;
    let content_type = match &*answer {
        Answer::Ready { writes, .. } if writes.len() == 1 => "application/json",
        _ => "text/event-stream; charset=utf-8",
    };
    if let Answer::Ready { delay, .. } = &*answer
        && !delay.is_zero()
    {
        sleep(*delay).await;
    }
    let head = Response::builder().header("content-type", content_type).body(())?;
    let mut stream = respond.send_response(head, false)?;
    match &*answer {
        Answer::Ready { writes, .. } => {
            for bytes in writes {
                send(&mut stream, carried(bytes)).await?;
            }
        }
        Answer::Flood { blocks, turns, rest } => {
            for block in blocks.iter().cycle().take(*turns) {
                send(&mut stream, carried(block)).await?;
            }
            send(&mut stream, carried(rest)).await?;
        }
        Answer::Paced { n, period } => {
            let pace = Pace::new(*period);
            for at in 0..*n {
                let event = pace.event(at).await;
                send(&mut stream, event.into()).await?;
            }
            send(&mut stream, end_of_stream().into()).await?;
        }
    }
    stream.send_data(Bytes::new(), true)?;
    Ok(())
}

/// Sends as the client's window allows.
async fn send(stream: &mut SendStream<Bytes>, mut data: Bytes) -> io::Result<()> {
    while !data.is_empty() {
        stream.reserve_capacity(data.len());
        while stream.capacity() == 0 {
            match poll_fn(|context| stream.poll_capacity(context)).await {
                Some(room) => room.map_err(io::Error::other)?,
                None => return Err(io::ErrorKind::ConnectionReset.into()),
            };
        }
        let part = data.split_to(stream.capacity().min(data.len()));
        stream.send_data(part, false).map_err(io::Error::other)?;
    }
    Ok(())
}

/// What a write of HTTP/1.1 carries: the body, without a head and without the sizes of chunks.
fn carried(bytes: &[u8]) -> Bytes {
    if bytes.starts_with(b"HTTP/1.1") {
        let head_end = bytes.windows(4).position(|w| w == b"\r\n\r\n").map_or(0, |at| at + 4);
        return Bytes::copy_from_slice(&bytes[head_end..]);
    }
    let mut body = BytesMut::new();
    let mut rest = bytes;
    while let Some(line_end) = rest.iter().position(|byte| *byte == b'\n') {
        let size = std::str::from_utf8(&rest[..line_end]).unwrap_or_default();
        let start = line_end + 1;
        let end = start + usize::from_str_radix(size.trim_end(), 16).unwrap_or_default();
        body.extend_from_slice(&rest[start..end]);
        rest = &rest[end + 2..];
    }
    body.freeze()
}
