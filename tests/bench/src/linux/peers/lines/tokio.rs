//! tokio on one thread, a task for each connection, which receives into a buffer of its own and sends
//! the answers to all lines in it together.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::{LINE, ROOM, announce, answer, listen};

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
            let (connection, _) = listener.accept().await?;
            connection.set_nodelay(true)?;
            tokio::spawn(converse(connection));
        }
    })
}

async fn converse(mut connection: TcpStream) {
    let (mut input, mut len) = ([0; ROOM], 0);
    let mut out = Vec::new();
    while let Ok(came @ 1..) = connection.read(&mut input[len..]).await {
        out.clear();
        let answered = answer(&input[..len + came], &mut out);
        input.copy_within(answered..len + came, 0);
        len = len + came - answered;
        if len > LINE || connection.write_all(&out).await.is_err() {
            return;
        }
    }
}
