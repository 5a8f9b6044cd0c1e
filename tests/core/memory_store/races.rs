//! Many threads and one store.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};

use countersign::{Claimed, MemoryStore, Settled};

use super::{Asked, LEASE, key, token};

#[test]
fn of_64_threads_one_wins_each_key() {
    const THREADS: usize = 64;
    const KEYS: u32 = 2000;
    let store = MemoryStore::new();
    let winners: Arc<Vec<AtomicUsize>> = Arc::new((0..KEYS).map(|_| AtomicUsize::new(0)).collect());
    let start = Arc::new(Barrier::new(THREADS));
    let threads: Vec<_> = (0..THREADS)
        .map(|_| {
            let (store, winners, start) =
                (Asked::new(store.clone()), Arc::clone(&winners), Arc::clone(&start));
            std::thread::spawn(move || {
                let mine = token();
                start.wait();
                for number in 0..KEYS {
                    if store.claim(key(number), mine, LEASE) == Claimed::Fresh {
                        winners[number as usize].fetch_add(1, Ordering::Relaxed);
                    }
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    assert!(winners.iter().all(|wins| wins.load(Ordering::Relaxed) == 1));
    assert_eq!((store.len(), store.is_empty()), (KEYS as usize, false));
}

#[test]
fn claims_of_one_key_never_overlap() {
    let store = MemoryStore::new();
    let held: Arc<[AtomicBool; 3]> = Arc::default();
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let (store, held) = (Asked::new(store.clone()), Arc::clone(&held));
            std::thread::spawn(move || {
                for number in (0..3_u32).cycle().take(3000) {
                    let (mine, place) = (token(), &held[number as usize]);
                    if store.claim(key(number), mine, LEASE) == Claimed::Fresh {
                        assert!(!place.swap(true, Ordering::SeqCst), "two owners");
                        std::thread::yield_now();
                        place.store(false, Ordering::SeqCst);
                        assert_eq!(store.release(key(number), mine), Settled::Settled);
                    }
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    assert!(store.is_empty());
}
