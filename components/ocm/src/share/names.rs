//! The words of a share.

/// Makes an enum of words as they stand in JSON.
macro_rules! words {
    ($(#[doc = $enum_doc:literal])* pub enum $name:ident { $($(#[doc = $doc:literal])+ $variant:ident = $word:literal,)+ }) => {
        $(#[doc = $enum_doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name { $($(#[doc = $doc])+ $variant,)+ }

        impl $name {
            /// Every one.
            pub const ALL: &'static [$name] = &[$($name::$variant),+];

            /// As it stands in JSON.
            pub fn name(self) -> &'static str {
                match self { $($name::$variant => $word,)+ }
            }

            /// The one of a word, exactly.
            pub fn from_name(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.name() == word)
            }
        }
    };
}
pub(crate) use words;

words! {
    /// Who gets a share.
    pub enum ShareType {
        /// A user of the receiving server.
        User = "user",
        /// A group of users of the receiving server.
        Group = "group",
        /// A group of users of several servers.
        Federation = "federation",
    }
}

words! {
    /// How a resource is used.
    pub enum AccessType {
        /// Where it is.
        Remote = "remote",
        /// By transferring it.
        Datatx = "datatx",
    }
}

words! {
    /// What may be done with a resource.
    pub enum Permission {
        /// To look at it in the web application.
        View = "view",
        /// To read and to download.
        Read = "read",
        /// To create, to change and to delete.
        Write = "write",
        /// To share it further.
        Share = "share",
    }
}

words! {
    /// What has to be done before a resource is accessed.
    pub enum Requirement {
        /// The shared secret is exchanged for a token, and only that token opens the resource.
        MustExchangeToken = "must-exchange-token",
        /// Who accesses it has given a second factor.
        MustUseMfa = "must-use-mfa",
    }
}

words! {
    /// Where a web application is shown.
    pub enum Target {
        /// In a window of its own.
        Blank = "blank",
        /// In a frame of the receiving server's page.
        Iframe = "iframe",
    }
}
