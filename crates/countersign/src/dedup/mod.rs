//! Deduplication: the contract of a store, and the store in memory.

mod memory;
mod released;
mod shard;
mod store;

pub use memory::{MemoryStore, MemoryStoreBuilder};
pub use store::{
    ClaimToken, Claimed, DynStore, InTransaction, RELEASED_FOR, Settled, Store, StoreError,
    StoreErrorKind, StoreFuture, Transactional,
};
