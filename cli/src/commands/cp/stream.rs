//! Between the engine's streams, which are asynchronous, and tar's readers and writers, which are not.

use std::io::{self, Read, Write};

use bollard::errors::Error;
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// So many parts may wait for the other side.
const WAITING: usize = 16;
/// Size of parts that are sent.
const PART: usize = 64 * 1024;

/// A reader for a thread of its own, and what feeds it.
pub fn reader(
    parts: impl Stream<Item = Result<Bytes, Error>>,
) -> (PartReader, impl Future<Output = Result<(), Error>>) {
    let (sender, receiver) = channel(WAITING);
    let pump = async move {
        let mut parts = std::pin::pin!(parts);
        while let Some(part) = parts.next().await {
            // A reader that has gone has said why.
            if sender.send(part?).await.is_err() {
                break;
            }
        }
        Ok(())
    };
    let reader = PartReader {
        receiver,
        part: Bytes::new(),
    };
    (reader, pump)
}

/// Reads what comes through a channel.
#[derive(Debug)]
pub struct PartReader {
    receiver: Receiver<Bytes>,
    part: Bytes,
}

impl Read for PartReader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.part.is_empty() {
            match self.receiver.blocking_recv() {
                Some(part) => self.part = part,
                None => return Ok(0),
            }
        }
        let count = out.len().min(self.part.len());
        out[..count].copy_from_slice(&self.part.split_to(count));
        Ok(count)
    }
}

/// A writer for a thread of its own, and the stream of what it writes.
pub fn writer() -> (
    PartWriter,
    impl Stream<Item = io::Result<Bytes>> + Send + 'static,
) {
    let (sender, receiver) = channel(WAITING);
    let parts = stream::unfold(receiver, |mut receiver| async {
        receiver.recv().await.map(|part| (part, receiver))
    });
    let writer = PartWriter {
        sender,
        part: Vec::with_capacity(PART),
    };
    (writer, parts)
}

/// Sends what is written through a channel.
#[derive(Debug)]
pub struct PartWriter {
    sender: Sender<io::Result<Bytes>>,
    part: Vec<u8>,
}

impl PartWriter {
    /// Ends the stream with an error, so that nobody takes half for the whole.
    pub fn fail(&mut self, why: &anyhow::Error) {
        let error = io::Error::other(format!("{why:#}"));
        drop(self.sender.blocking_send(Err(error)));
    }
}

impl Write for PartWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.part.extend_from_slice(bytes);
        if self.part.len() >= PART {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.part.is_empty() {
            return Ok(());
        }
        let part = std::mem::take(&mut self.part).into();
        let sent = self.sender.blocking_send(Ok(part));
        sent.map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))
    }
}

/// Whether a writer failed only because nobody reads any more.
pub fn is_gone(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let io = cause.downcast_ref::<io::Error>();
        io.is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe)
    })
}
