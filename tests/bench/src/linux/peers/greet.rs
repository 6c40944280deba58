//! greet-std with its defaults. Nothing is printed, as by its peers.

use greet_std::Server;

use super::announce;

pub(super) fn serve() -> anyhow::Result<()> {
    let server = Server::bind("127.0.0.1:0")?;
    announce(server.local_addr())?;
    server.run(|_event| {})?;
    Ok(())
}
