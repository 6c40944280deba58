//! tokio on one thread, the way its documentation does it: a task for each connection.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::{Reply, announce, listen};

pub(super) fn serve() -> anyhow::Result<()> {
    let listener = listen()?;
    listener.set_nonblocking(true)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    runtime.block_on(async {
        let listener = TcpListener::from_std(listener)?;
        announce(listener.local_addr()?)?;
        loop {
            let (mut connection, _) = listener.accept().await?;
            tokio::spawn(async move {
                let mut reply = Reply::new();
                if let Ok(len @ 1..) = connection.read(reply.space()).await {
                    let _ = connection.write_all(reply.with_name_of(len)).await;
                }
            });
        }
    })
}
