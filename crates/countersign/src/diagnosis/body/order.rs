//! Other orders of a document's keys.

use super::tree::Node;

/// The documents whose keys are sorted.
pub(super) fn sorted<'t>(node: &Node<'t>) -> Vec<(Node<'t>, &'static str)> {
    let by = |compare: fn(&[u8], &[u8]) -> std::cmp::Ordering, deep: bool| {
        let mut node = node.clone();
        sort(&mut node, compare, deep);
        node
    };
    let all = [
        (by(|one, other| name(one).cmp(name(other)), true), "sorted by name"),
        (by(|one, other| name(one).cmp(name(other)), false), "sorted by name at the top"),
        (
            by(
                |one, other| name(one).to_ascii_lowercase().cmp(&name(other).to_ascii_lowercase()),
                true,
            ),
            "sorted by name without case",
        ),
        (by(|one, other| name(other).cmp(name(one)), true), "sorted by name, the last first"),
        (
            by(|one, other| (one.len(), name(one)).cmp(&(other.len(), name(other))), true),
            "sorted by length and name",
        ),
    ];
    all.into_iter().filter(|(other, _)| other != node).collect()
}

fn name(raw: &[u8]) -> &[u8] {
    raw.get(1..raw.len().saturating_sub(1)).unwrap_or_default()
}

fn sort(node: &mut Node<'_>, compare: fn(&[u8], &[u8]) -> std::cmp::Ordering, deep: bool) {
    match node {
        Node::Leaf(_) => {}
        Node::Array(items) if deep => items.iter_mut().for_each(|item| sort(item, compare, deep)),
        Node::Array(_) => {}
        Node::Object(members) => {
            members.sort_by(|(one, _), (other, _)| compare(one, other));
            if deep {
                members.iter_mut().for_each(|(_, value)| sort(value, compare, deep));
            }
        }
    }
}

/// The documents with their keys in any other order, if those are few; otherwise with one object's
/// keys in any order, or with one key elsewhere. No more than `most`. True ends it.
pub(super) fn each(node: &Node<'_>, most: usize, visit: &mut dyn FnMut(&Node<'_>) -> bool) -> bool {
    let mut left = most;
    let mut sizes = Vec::new();
    objects(node, &mut sizes);
    let all =
        sizes.iter().try_fold(1_usize, |product, size| product.checked_mul(factorial(*size)?));
    if all.is_some_and(|all| all <= most) {
        return every(node, 0, sizes.len(), &mut left, visit);
    }
    (0..sizes.len()).any(|index| {
        let size = sizes.get(index).copied().unwrap_or_default();
        let orders = match factorial(size) {
            Some(count) if count <= 720 => permutations(size),
            _ => moves(size),
        };
        orders.iter().any(|order| {
            left = left.saturating_sub(1);
            left > 0 && visit(&ordered(node, index, order))
        })
    })
}

/// Every order of every object from this one on.
fn every(
    node: &Node<'_>,
    index: usize,
    count: usize,
    left: &mut usize,
    visit: &mut dyn FnMut(&Node<'_>) -> bool,
) -> bool {
    if index == count {
        *left = left.saturating_sub(1);
        return *left > 0 && visit(node);
    }
    let mut sizes = Vec::new();
    objects(node, &mut sizes);
    let size = sizes.get(index).copied().unwrap_or_default();
    // Objects are counted level by level within their parent, so an order moves later ones only.
    permutations(size)
        .iter()
        .any(|order| every(&ordered(node, index, order), index + 1, count, left, visit))
}

/// How many keys each object has, parents before their children.
fn objects(node: &Node<'_>, sizes: &mut Vec<usize>) {
    match node {
        Node::Leaf(_) => {}
        Node::Array(items) => items.iter().for_each(|item| objects(item, sizes)),
        Node::Object(members) => {
            sizes.push(members.len());
            members.iter().for_each(|(_, value)| objects(value, sizes));
        }
    }
}

/// The same with the keys of the object of this number in this order.
fn ordered<'t>(node: &Node<'t>, index: usize, order: &[usize]) -> Node<'t> {
    let mut node = node.clone();
    let mut left = index;
    reorder(&mut node, &mut left, order);
    node
}

/// Whether it was found.
fn reorder(node: &mut Node<'_>, left: &mut usize, order: &[usize]) -> bool {
    match node {
        Node::Leaf(_) => false,
        Node::Array(items) => items.iter_mut().any(|item| reorder(item, left, order)),
        Node::Object(members) if *left == 0 => {
            *members = order.iter().filter_map(|at| members.get(*at).cloned()).collect();
            true
        }
        Node::Object(members) => {
            *left -= 1;
            members.iter_mut().any(|(_, value)| reorder(value, left, order))
        }
    }
}

fn factorial(number: usize) -> Option<usize> {
    (1..=number).try_fold(1_usize, usize::checked_mul)
}

fn permutations(size: usize) -> Vec<Vec<usize>> {
    let mut all = vec![Vec::new()];
    for next in 0..size {
        let longer = all.iter().flat_map(|order: &Vec<usize>| {
            (0..=order.len()).map(move |at| {
                let mut order = order.clone();
                order.insert(at, next);
                order
            })
        });
        all = longer.collect();
    }
    all
}

/// One key taken to another place.
fn moves(size: usize) -> Vec<Vec<usize>> {
    let usual: Vec<usize> = (0..size).collect();
    let mut all = Vec::new();
    for from in 0..size {
        for to in 0..size {
            let mut order = usual.clone();
            let moved = order.remove(from);
            order.insert(to.min(order.len()), moved);
            all.push(order);
        }
    }
    all
}
