//! Builds the server again when the web client that it embeds has been built again.
#![expect(clippy::print_stdout, reason = "this is how a build script speaks to cargo")]

use std::path::Path;

fn main() -> std::io::Result<()> {
    // A path that is not there would count as changed in every build.
    let client = Path::new("../web-client/dist");
    std::fs::create_dir_all(client)?;
    println!("cargo::rerun-if-changed={}", client.display());
    Ok(())
}
