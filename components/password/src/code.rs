//! The codes of passwords.

portcullis_types::codes! {
    /// What can be wrong with a file of users, or with a password.
    pub enum PasswordCode {
        /// A file of users is no text, or a line of it is not a name, a colon and a hash.
        LineMalformed = "password.line_malformed", "docs/registries.md";
        /// A name occurs twice.
        NameRepeated = "password.name_repeated", "docs/registries.md";
        /// There are more users than are read.
        TooMany = "password.too_many", "docs/limits.md";
        /// A hash is neither bcrypt nor Argon2: what is quick to make is quick to guess.
        HashUnsupported = "password.hash_unsupported", "RFC 9106 section 4; docs/registries.md";
        /// A hash is malformed.
        HashMalformed = "password.hash_malformed", "docs/registries.md";
        /// A hash costs more time or memory than is spent on a password.
        HashCostly = "password.hash_costly", "docs/limits.md";
        /// There is no such user, or the password is another.
        Wrong = "password.wrong", "RFC 7617 section 2";
    }
}
