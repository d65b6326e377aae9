//! The code of requests.

portcullis_types::codes! {
    /// What can be wrong with a request before an operation sees it.
    pub enum RequestCode {
        /// A line is not a request: not JSON, not an object, a name twice, an unknown operation, a member unknown,
        /// missing or of the wrong type.
        Malformed = "request.malformed", "docs/batch.md";
    }
}
