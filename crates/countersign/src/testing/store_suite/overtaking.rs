//! Calls that overtake each other: a claim or a renewal that arrives after the end of its own claim
//! (promise 6).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::{LONG, SHORT, StoreSuite, new_key, new_token, since};
use crate::clock::{Clock as _, SystemClock};
use crate::dedup::{Claimed, Settled, Store};

const NEVER: &str = "promise 6: a token that had been released or completed claimed again";
const FREE: &str = "promise 6: a released token keeps another one from claiming";

impl<S: Store> StoreSuite<S> {
    /// A token that was released or completed never claims again, in whatever order its calls
    /// arrive, and keeps nobody else from claiming (promise 6).
    pub async fn released_token_never_claims(&self) {
        // The release comes before the claim that it belongs to.
        let (key, late) = (new_key(), new_token());
        assert_eq!(self.release(key, late).await, Settled::Lost);
        assert_ne!(self.claim(key, late, LONG).await, Claimed::Fresh, "{NEVER}");
        assert_eq!(self.complete(key, late, LONG).await, Settled::Lost, "{NEVER}");
        let other = new_token();
        assert_eq!(self.claim(key, other, LONG).await, Claimed::Fresh, "{FREE}");
        assert_ne!(self.claim(key, late, LONG).await, Claimed::Fresh, "{NEVER}");
        assert_eq!(self.complete(key, other, LONG).await, Settled::Settled, "{FREE}");

        // A renewal comes after the release.
        let (key, renewed) = (new_key(), new_token());
        assert_eq!(self.claim(key, renewed, LONG).await, Claimed::Fresh);
        assert_eq!(self.release(key, renewed).await, Settled::Settled);
        assert_ne!(self.claim(key, renewed, LONG).await, Claimed::Fresh, "{NEVER}");
        assert_eq!(self.claim(key, new_token(), LONG).await, Claimed::Fresh, "{FREE}");

        // Several tokens of a key, with claims of others between them.
        let key = new_key();
        let released = [(); 5].map(|()| new_token());
        for token in released {
            assert_eq!(self.claim(key, token, LONG).await, Claimed::Fresh, "{FREE}");
            assert_eq!(self.release(key, token).await, Settled::Settled, "{FREE}");
        }
        for token in released {
            assert_ne!(self.claim(key, token, LONG).await, Claimed::Fresh, "{NEVER}");
        }
        // A short claim runs out; the tokens before it are remembered all the same.
        assert_eq!(self.claim(key, new_token(), SHORT).await, Claimed::Fresh, "{FREE}");
        self.runtime.sleep(SHORT + SHORT).await;
        for token in released {
            assert_ne!(self.claim(key, token, LONG).await, Claimed::Fresh, "{NEVER}");
        }
        assert_eq!(self.claim(key, new_token(), LONG).await, Claimed::Fresh, "{FREE}");

        // A release of somebody else's key changes nothing, and is remembered.
        let (key, owner, stranger) = (new_key(), new_token(), new_token());
        assert_eq!(self.claim(key, owner, LONG).await, Claimed::Fresh);
        assert_eq!(self.release(key, stranger).await, Settled::Lost);
        assert_eq!(self.complete(key, owner, SHORT).await, Settled::Settled, "promise 2");
        self.runtime.sleep(SHORT + SHORT).await;
        assert_ne!(self.claim(key, stranger, LONG).await, Claimed::Fresh, "{NEVER}");
    }

    /// Claims and releases of the same token that are under way at the same time, in many orders:
    /// when all have ended, nobody holds the key (promise 6).
    pub async fn claims_race_their_releases(&self, rounds: usize) {
        let (held, running) = (Arc::new(AtomicUsize::new(0)), Arc::new(()));
        for round in 0..rounds {
            let suite = Self { store: Arc::clone(&self.store), runtime: self.runtime };
            let (held, running) = (Arc::clone(&held), Arc::clone(&running));
            self.runtime.spawn(async move {
                if suite.stays_after_its_release(round).await {
                    held.fetch_add(1, Ordering::SeqCst);
                }
                drop(running);
            });
        }
        self.until_alone(&running).await;
        let held = held.load(Ordering::SeqCst);
        assert_eq!(held, 0, "promise 6: of {rounds} claims, some stayed after their release");
    }

    async fn stays_after_its_release(&self, round: usize) -> bool {
        let (key, token) = (new_key(), new_token());
        let claiming = Arc::new(());
        for wait in [round % 4, round % 3] {
            let (store, claiming) = (Arc::clone(&self.store), Arc::clone(&claiming));
            let sleep = self.runtime.sleep(Duration::from_micros(200 * wait as u64));
            self.runtime.spawn(async move {
                if wait > 0 {
                    sleep.await;
                }
                // It may fail on its way.
                let _ = store.claim(key, token, LONG).await;
                drop(claiming);
            });
        }
        self.runtime.sleep(Duration::from_micros(100 * (round % 7) as u64)).await;
        // Told until it has heard, as by the core.
        let mut tries = 0;
        while let Err(error) = self.store.release(key, token).await {
            tries += 1;
            assert!(tries < 100, "a release fails again and again: {error}");
            self.runtime.sleep(Duration::from_millis(100)).await;
        }
        self.until_alone(&claiming).await;
        self.claim(key, new_token(), LONG).await != Claimed::Fresh
    }

    /// Waits until nobody else has a clone.
    pub(super) async fn until_alone(&self, shared: &Arc<()>) {
        let started = SystemClock.monotonic();
        while Arc::strong_count(shared) > 1 {
            assert!(since(started) < Duration::from_secs(120), "calls do not end");
            self.runtime.sleep(Duration::from_millis(2)).await;
        }
    }
}
