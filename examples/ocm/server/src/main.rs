//! A small server that shares files by Open Cloud Mesh. See the README beside it.

fn main() -> anyhow::Result<()> {
    portcullis_example_ocm::main()
}
