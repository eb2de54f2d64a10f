//! What the two databases say differently. Statements have words in braces for it:
//!
//! | in a statement | means |
//! |---|---|
//! | `{now}` | the time, by the clock of the database |
//! | `{after $1}` | the time in `$1` milliseconds |
//! | `{millis COLUMN}` | a time as milliseconds since 1970 |
//! | `{millis_now}` | the time of the database, as such |
//! | `{token}` | 32 random hex digits, others in every row |
//! | `{lock}` | rows of this query are locked until the transaction ends |
//! | `{lock TABLE}` | only those of that table |
//! | `{skip_locked}` | the same, without those that are locked already |
//! | `{items $1}` | a query for the texts of a JSON list |
//! | `{records $1: NAME TYPE, ...}` | a table, called `new`, of the objects of a JSON list |

/// The words of one database.
pub(super) struct Dialect {
    pub(super) now: &'static str,
    pub(super) after: fn(&str) -> String,
    pub(super) millis: fn(&str) -> String,
    pub(super) token: &'static str,
    pub(super) lock: fn(&str) -> String,
    pub(super) skip_locked: &'static str,
    pub(super) items: fn(&str) -> String,
    pub(super) records: fn(&str, &str) -> String,
}

impl Dialect {
    /// A statement in the words of this database.
    pub(super) fn render(&self, statement: &str) -> String {
        let mut sql = String::with_capacity(2 * statement.len());
        let mut rest = statement;
        while let Some((before, from_brace)) = rest.split_once('{') {
            let (word, after) = from_brace.split_once('}').unwrap_or((from_brace, ""));
            sql.push_str(before);
            sql.push_str(&self.word(word));
            rest = after;
        }
        sql.push_str(rest);
        sql
    }

    fn word(&self, word: &str) -> String {
        let (name, argument) = word.split_once(' ').unwrap_or((word, ""));
        match name {
            "now" => self.now.to_owned(),
            "after" => (self.after)(argument),
            "millis" => (self.millis)(argument),
            "millis_now" => (self.millis)(self.now),
            "token" => self.token.to_owned(),
            "lock" => (self.lock)(argument),
            "skip_locked" => self.skip_locked.to_owned(),
            "items" => (self.items)(argument),
            "records" => {
                let (parameter, columns) = argument.split_once(':').unwrap_or((argument, ""));
                (self.records)(parameter, columns.trim())
            }
            // The database then complains of it in the first test that comes by.
            _ => format!("{{{word}}}"),
        }
    }
}

pub(super) static POSTGRES: Dialect = Dialect {
    now: "now()",
    after: |millis| format!("(now() + {millis} * interval '1 millisecond')"),
    millis: |column| format!("CAST(extract(epoch FROM {column}) * 1000 AS BIGINT)"),
    token: "replace(CAST(gen_random_uuid() AS TEXT), '-', '')",
    lock: |table| match table {
        "" => "FOR UPDATE".to_owned(),
        table => format!("FOR UPDATE OF {table}"),
    },
    skip_locked: "FOR UPDATE SKIP LOCKED",
    items: |parameter| format!("SELECT jsonb_array_elements_text(CAST({parameter} AS JSONB))"),
    records: |parameter, columns| {
        format!("jsonb_to_recordset(CAST({parameter} AS JSONB)) AS new({columns})")
    },
};

/// Times are numbers there. Nothing needs to be locked: there is one writer at a time.
pub(super) static SQLITE: Dialect = Dialect {
    now: NOW_IN_SQLITE,
    after: |millis| format!("({NOW_IN_SQLITE} + {millis})"),
    millis: str::to_owned,
    token: "lower(hex(randomblob(16)))",
    lock: |_| String::new(),
    skip_locked: "",
    items: |parameter| format!("SELECT value FROM json_each({parameter})"),
    records: |parameter, columns| {
        let names = columns.split(',').filter_map(|column| column.split_whitespace().next());
        let values: Vec<String> =
            names.map(|name| format!("value ->> '{name}' AS {name}")).collect();
        format!("(SELECT {} FROM json_each({parameter})) AS new", values.join(", "))
    },
};

/// Rounded, since the seconds are a floating-point number that may lie just below a millisecond.
const NOW_IN_SQLITE: &str = "CAST(round(unixepoch('subsec') * 1000) AS INTEGER)";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_has_its_meaning() {
        let statement =
            "UPDATE t SET a = {now}, b = {after $2} FROM {records $1: x TEXT, y BIGINT}";
        assert_eq!(
            POSTGRES.render(statement),
            "UPDATE t SET a = now(), b = (now() + $2 * interval '1 millisecond') \
             FROM jsonb_to_recordset(CAST($1 AS JSONB)) AS new(x TEXT, y BIGINT)",
        );
        let sql = SQLITE.render(statement);
        let table = "(SELECT value ->> 'x' AS x, value ->> 'y' AS y FROM json_each($1)) AS new";
        assert!(sql.ends_with(table), "{sql}");
        assert_eq!(SQLITE.render("{lock}{millis at}{what}"), "at{what}");
    }
}
