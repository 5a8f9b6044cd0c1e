//! Deduplication: the contract of a store, and the store in memory.

mod attempts;
mod counts;
mod error;
mod memory;
mod operate;
mod released;
mod shard;
mod shared;
mod store;
mod token;

pub use attempts::{Attempt, Parked, ParkedNote};
pub use error::{StoreError, StoreErrorKind};
pub use memory::{MemoryStore, MemoryStoreBuilder};
pub use operate::{EventState, Forgotten, StoreStats};
pub use shared::DynStore;
pub use store::{
    Claimed, InTransaction, LONGEST_KEPT, RELEASED_FOR, Settled, Store, Transactional,
};
pub use token::ClaimToken;
