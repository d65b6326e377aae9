//! Open Cloud Mesh, end to end: the two servers of `examples/ocm`, each behind its gateway and a real Envoy, share a file, and servers
//! of the test try what they should not.

mod at_the_gate;
mod at_the_server;
mod peers;
mod stage;
mod story;
