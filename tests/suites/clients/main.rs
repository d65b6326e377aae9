//! The endpoints for authorization servers, end to end: a gateway that runs, clients that authenticate in each way, a store that
//! outlives the process, and answers that are signed.

mod authenticating;
mod pushing;
mod running;
mod signed;
