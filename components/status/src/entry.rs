//! What a value in a list means (section 7.1).

/// A status type. Which values mean what is the same for every list; what an application-specific one means is for the
/// application to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// 0x00: the token is valid, correct or legal.
    Valid,
    /// 0x01: the token is revoked, annulled, taken back, recalled or cancelled.
    Invalid,
    /// 0x02: the token is temporarily invalid.
    Suspended,
    /// 0x03 and 0x0C to 0x0F.
    ApplicationSpecific,
    /// Every other value: nobody has said yet what it means, so it is never `valid`.
    Reserved,
}

impl Status {
    /// What a value means.
    pub fn from_value(value: u8) -> Self {
        match value {
            0x00 => Self::Valid,
            0x01 => Self::Invalid,
            0x02 => Self::Suspended,
            0x03 | 0x0c..=0x0f => Self::ApplicationSpecific,
            _ => Self::Reserved,
        }
    }

    /// The name in the JSON form of the interfaces: `valid`, `invalid`, `suspended`, `application-specific` or
    /// `reserved`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Invalid => "invalid",
            Self::Suspended => "suspended",
            Self::ApplicationSpecific => "application-specific",
            Self::Reserved => "reserved",
        }
    }
}

/// One entry of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// The value, from 0 to 255.
    pub value: u8,
    /// What it means.
    pub status: Status,
}

impl From<u8> for Entry {
    fn from(value: u8) -> Self {
        Self { value, status: Status::from_value(value) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_means_what_the_registry_says() {
        for value in 0..=255u8 {
            let wanted = match value {
                0 => "valid",
                1 => "invalid",
                2 => "suspended",
                3 | 12 | 13 | 14 | 15 => "application-specific",
                _ => "reserved",
            };
            assert_eq!(Entry::from(value).status.name(), wanted, "{value}");
        }
    }
}
