//! `--only GLOB`: which checks run.

use super::checks::every;
use fast_glob::glob_match;

/// A pattern that fits at least one check.
#[derive(Clone, Debug)]
pub struct Only(String);

impl Only {
    /// Reads a pattern.
    pub fn parse(glob: &str) -> Result<Self, String> {
        let only = Self(glob.to_owned());
        if every().any(|check| only.picks(check.id)) {
            Ok(only)
        } else {
            Err("no check is called that; `greet probe --list` shows them all".to_owned())
        }
    }

    /// As it was typed.
    pub fn glob(&self) -> &str {
        &self.0
    }

    /// Whether it fits a whole id, or the name of the id's group.
    pub fn picks(&self, id: &str) -> bool {
        let group = id.split_once('/').map_or(id, |(group, _)| group);
        glob_match(&self.0, id) || glob_match(&self.0, group)
    }
}

#[cfg(test)]
mod tests {
    use super::Only;

    #[test]
    fn a_glob_fits_the_whole_id_or_names_a_group() {
        for (glob, id, fit) in [
            ("tcp/world", "tcp/world", true),
            ("tcp/w", "tcp/world", false),
            ("tcp", "tcp/world", true),
            ("tc", "tcp/world", false),
            ("*/world", "tcp/world", true),
            ("tcp/*-fin", "tcp/world-fin", true),
            ("tcp/*-fin", "tcp/world", false),
            ("tcp/?orld", "tcp/world", true),
            ("{tcp,udp}", "udp/ada", true),
            ("*", "udp/ada", true),
        ] {
            assert_eq!(Only(glob.to_owned()).picks(id), fit, "{glob} {id}");
        }
    }

    /// Row 15: ten stars took seconds. What tries all ways to split the id never ends here.
    #[test]
    fn row_15_many_stars_take_no_longer_than_few() {
        let glob = format!("tcp/{}b", "*a".repeat(50));
        let id = format!("tcp/{}", "a".repeat(200));
        assert!(!Only(glob).picks(&id));
    }
}
