//! What is regular about a list of places: every how many something happens.

/// The distance between most neighbors of the list, if three of four have it; at least three places.
pub fn period(places: &[usize]) -> Option<usize> {
    let mut gaps: Vec<_> = places
        .windows(2)
        .filter_map(|pair| match *pair {
            [a, b] => b.checked_sub(a),
            _ => None,
        })
        .collect();
    if gaps.len() < 2 {
        return None;
    }
    gaps.sort_unstable();
    let mut best = (0, 0);
    for same in gaps.chunk_by(|a, b| a == b) {
        if let Some(gap) = same.first()
            && same.len() > best.0
        {
            best = (same.len(), *gap);
        }
    }
    let (count, gap) = best;
    (gap > 0 && count * 4 >= gaps.len() * 3).then_some(gap)
}

#[cfg(test)]
mod tests {
    use super::period;

    #[test]
    fn what_is_regular_has_a_period() {
        assert_eq!(period(&[49, 99, 149, 199]), Some(50));
        // A frame of somebody else's shifts one of them.
        assert_eq!(period(&[49, 99, 148, 198, 248, 298]), Some(50));
        assert_eq!(period(&[0, 1, 2, 3]), Some(1));
    }

    #[test]
    fn what_is_left_to_chance_has_none() {
        assert_eq!(period(&[]), None);
        assert_eq!(period(&[3, 53]), None);
        assert_eq!(period(&[3, 50, 190, 191, 400, 702]), None);
    }
}
