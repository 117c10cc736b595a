//! A bounded cache that keeps what is asked for again: SIEVE (Zhang et al., NSDI 2024), as PostgREST 14 has it.

use std::collections::HashMap;
use std::sync::Arc;

use ahash::RandomState;

/// Ends a list.
const NONE: usize = usize::MAX;

/// Newest first; a hand walks from the oldest to the newest and throws out the first that was not asked for since it passed.
#[derive(Debug)]
pub(crate) struct Sieve<V> {
    places: HashMap<Arc<str>, usize, RandomState>,
    nodes: Vec<Node<V>>,
    most: usize,
    newest: usize,
    oldest: usize,
    hand: usize,
    evictions: u64,
}

#[derive(Debug)]
struct Node<V> {
    key: Arc<str>,
    value: V,
    asked: bool,
    newer: usize,
    older: usize,
}

impl<V> Sieve<V> {
    /// Holds at most `most` entries, which is at least 1.
    pub(crate) fn new(most: usize) -> Self {
        Self {
            places: HashMap::default(),
            nodes: Vec::new(),
            most: most.max(1),
            newest: NONE,
            oldest: NONE,
            hand: NONE,
            evictions: 0,
        }
    }

    pub(crate) fn get(&mut self, key: &str) -> Option<&V> {
        let node = &mut self.nodes[*self.places.get(key)?];
        node.asked = true;
        Some(&node.value)
    }

    pub(crate) fn insert(&mut self, key: &str, value: V) {
        if let Some(place) = self.places.get(key) {
            self.nodes[*place].value = value;
            return;
        }
        let key: Arc<str> = key.into();
        let node = Node { key: key.clone(), value, asked: false, newer: NONE, older: NONE };
        let place = if self.nodes.len() < self.most {
            self.nodes.push(node);
            self.nodes.len() - 1
        } else {
            let place = self.evict();
            self.nodes[place] = node;
            place
        };
        self.places.insert(key, place);
        self.put_first(place);
    }

    pub(crate) fn evictions(&self) -> u64 {
        self.evictions
    }

    fn put_first(&mut self, place: usize) {
        self.nodes[place].older = self.newest;
        if self.newest == NONE {
            self.oldest = place;
        } else {
            self.nodes[self.newest].newer = place;
        }
        self.newest = place;
    }

    /// Frees one place and returns it.
    fn evict(&mut self) -> usize {
        let mut hand = if self.hand == NONE { self.oldest } else { self.hand };
        while self.nodes[hand].asked {
            self.nodes[hand].asked = false;
            hand = if self.nodes[hand].newer == NONE { self.oldest } else { self.nodes[hand].newer };
        }
        let (newer, older) = (self.nodes[hand].newer, self.nodes[hand].older);
        if newer == NONE {
            self.newest = older;
        } else {
            self.nodes[newer].older = older;
        }
        if older == NONE {
            self.oldest = newer;
        } else {
            self.nodes[older].newer = newer;
        }
        self.hand = newer;
        self.places.remove(&self.nodes[hand].key);
        self.evictions += 1;
        hand
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_asked_for_stays() {
        let mut sieve = Sieve::new(3);
        for key in ["a", "b", "c"] {
            sieve.insert(key, key.to_owned());
        }
        assert_eq!(sieve.get("a").map(String::as_str), Some("a"));
        sieve.insert("d", "d".to_owned());
        assert!(sieve.get("b").is_none(), "the oldest that nobody asked for");
        assert!(sieve.get("a").is_some() && sieve.get("c").is_some() && sieve.get("d").is_some());
        assert_eq!(sieve.evictions(), 1);
    }

    proptest! {
        #[test]
        fn it_never_grows_and_never_lies(most in 1_usize..6, keys in proptest::collection::vec((0_u8..10, any::<bool>()), 0..200)) {
            let mut sieve = Sieve::new(most);
            for (key, insert) in keys {
                let name = key.to_string();
                if insert {
                    sieve.insert(&name, key);
                    prop_assert_eq!(sieve.get(&name), Some(&key));
                } else if let Some(found) = sieve.get(&name) {
                    prop_assert_eq!(*found, key);
                }
                prop_assert!(sieve.places.len() <= most && sieve.nodes.len() <= most);
                // Both directions of the list see all entries.
                let (mut at, mut seen) = (sieve.newest, 0);
                while at != NONE { seen += 1; at = sieve.nodes[at].older; }
                prop_assert_eq!(seen, sieve.places.len());
            }
        }
    }
}
