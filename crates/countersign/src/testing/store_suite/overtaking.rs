//! Calls that overtake each other: a claim or a renewal that arrives after the end of its own claim
//! (promise 6).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::{LONG, SHORT, StoreSuite, new_key, new_token};
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
    /// when both have ended, nobody holds the key (promise 6).
    pub async fn claims_race_their_releases(&self, rounds: usize) {
        let held = Arc::new(AtomicUsize::new(0));
        let running = Arc::new(AtomicUsize::new(rounds));
        for round in 0..rounds {
            let (suite, held, running) = (
                Self { store: Arc::clone(&self.store), runtime: self.runtime },
                Arc::clone(&held),
                Arc::clone(&running),
            );
            self.runtime.spawn(async move {
                let (key, token) = (new_key(), new_token());
                let claimed = Arc::new(AtomicUsize::new(2));
                for wait in [round % 4, round % 3] {
                    let (store, claimed) = (Arc::clone(&suite.store), Arc::clone(&claimed));
                    let sleep = suite.runtime.sleep(Duration::from_micros(200 * wait as u64));
                    suite.runtime.spawn(async move {
                        if wait > 0 {
                            sleep.await;
                        }
                        let _ = store.claim(key, token, LONG).await;
                        claimed.fetch_sub(1, Ordering::SeqCst);
                    });
                }
                suite.runtime.sleep(Duration::from_micros(100 * (round % 7) as u64)).await;
                let _ = suite.release(key, token).await;
                while claimed.load(Ordering::SeqCst) > 0 {
                    suite.runtime.sleep(Duration::from_millis(1)).await;
                }
                if suite.claim(key, new_token(), LONG).await != Claimed::Fresh {
                    held.fetch_add(1, Ordering::SeqCst);
                }
                running.fetch_sub(1, Ordering::SeqCst);
            });
        }
        while running.load(Ordering::SeqCst) > 0 {
            self.runtime.sleep(Duration::from_millis(5)).await;
        }
        let held = held.load(Ordering::SeqCst);
        assert_eq!(held, 0, "promise 6: of {rounds} claims, some stayed after their release");
    }
}
