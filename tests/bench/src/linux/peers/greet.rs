//! greet-std with its defaults, but for room beside 10,000 idle connections. Nothing is printed, as by
//! its peers.

use greet_std::Server;

use super::announce;

pub(super) fn serve() -> anyhow::Result<()> {
    let server = Server::builder()
        .max_connections(12_000)
        .bind("127.0.0.1:0")?;
    announce(server.local_addr())?;
    server.run(|_event| {})?;
    Ok(())
}
