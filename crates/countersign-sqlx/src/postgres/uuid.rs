//! `uuid`, as the protocol has it. Values that came as text took the server an eighth more processor
//! time for each claim.

use std::fmt::{self, Display};

use countersign::EventKey;
use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::types::Oid;
use sqlx::postgres::{PgArgumentBuffer, PgHasArrayType, PgTypeInfo, PgValueFormat, PgValueRef};
use sqlx::{Encode, Postgres, Type};

use crate::values::Owner;

/// Sixteen bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Uuid(pub(super) [u8; 16]);

// The server's own types have the same numbers everywhere.
const UUID: Oid = Oid(2950);
const UUID_ARRAY: Oid = Oid(2951);

impl Uuid {
    /// From a row's column: as bytes where the statement was prepared, as text where it was not.
    pub(super) fn read(value: &PgValueRef<'_>) -> Option<Self> {
        match value.format() {
            PgValueFormat::Binary => value.as_bytes().ok()?.try_into().ok().map(Self),
            PgValueFormat::Text => Self::parse(value.as_str().ok()?),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let mut digits =
            text.bytes().filter(|byte| *byte != b'-').map(|byte| (byte as char).to_digit(16));
        let mut uuid = [0; 16];
        for byte in &mut uuid {
            let (high, low) = (digits.next()??, digits.next()??);
            *byte = u8::try_from(high << 4 | low).ok()?;
        }
        digits.next().is_none().then_some(Self(uuid))
    }
}

impl From<EventKey> for Uuid {
    fn from(key: EventKey) -> Self {
        Self(*key.as_bytes())
    }
}

impl From<Owner> for Uuid {
    fn from(owner: Owner) -> Self {
        Self(*owner.as_bytes())
    }
}

impl From<Uuid> for Owner {
    fn from(uuid: Uuid) -> Self {
        Self::from_bytes(uuid.0)
    }
}

/// In a statement's text.
impl Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl Type<Postgres> for Uuid {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(UUID)
    }
}

impl PgHasArrayType for Uuid {
    fn array_type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(UUID_ARRAY)
    }
}

impl Encode<'_, Postgres> for Uuid {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        buffer.extend_from_slice(&self.0);
        Ok(IsNull::No)
    }
}
