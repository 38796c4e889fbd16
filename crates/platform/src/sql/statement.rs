//! Statements with named parameters.

use std::{borrow::Cow, fmt::Write as _};

use super::{Connection, Row, SqlError, Value};

/// A statement with named parameters, such as `WHERE id = :id`, and their values.
///
/// PostgreSQL only has numbered parameters, which the writer of a long statement must count. [`Statement::new`] numbers
/// the names by their first use, which takes a few microseconds. A short statement is as clear with `$1` and an array.
///
/// A name has lower-case letters, digits and underscores. Literals, quoted identifiers, comments, casts (`::`) and `:=`
/// have no parameters. An escaped quote in a literal is doubled: literals with backslashes (`E'\''`) and dollar quotes
/// are not supported. Write slices of arrays with spaces around the colon.
#[derive(Debug, Clone)]
#[must_use = "a statement does nothing until it runs"]
pub struct Statement {
    /// The statement with `$1` instead of names.
    text: String,
    /// The parameters in the order of their numbers.
    parameters: Vec<Parameter>,
    /// The first mistake in the use of names.
    mistake: Option<String>,
}

#[derive(Debug, Clone)]
struct Parameter {
    name: String,
    value: Option<Value>,
}

impl Statement {
    /// Creates a statement whose parameters have no values yet.
    pub fn new<'a>(statement: impl Into<Cow<'a, str>>) -> Self {
        let statement = statement.into();
        let mut rest = &*statement;
        let mut text = String::with_capacity(rest.len());
        let mut parameters: Vec<Parameter> = Vec::new();
        while let Some(start) = rest.find([':', '\'', '"', '-', '/']) {
            let (before, found) = rest.split_at(start);
            text.push_str(before);
            let name = parameter_name(found);
            if name.is_empty() {
                let (verbatim, after) = found.split_at(verbatim_length(found));
                text.push_str(verbatim);
                rest = after;
                continue;
            }
            let known = parameters.iter().position(|parameter| parameter.name == name);
            let index = known.unwrap_or_else(|| {
                parameters.push(Parameter { name: name.to_owned(), value: None });
                parameters.len() - 1
            });
            // Writing to a string does not fail.
            let _ = write!(text, "${}", index + 1);
            rest = &found[1 + name.len()..];
        }
        text.push_str(rest);
        Self { text, parameters, mistake: None }
    }

    /// Sets the value of a parameter.
    pub fn bind(mut self, name: &str, value: impl Into<Value>) -> Self {
        let parameter = self.parameters.iter_mut().find(|parameter| parameter.name == name);
        let mistake = match parameter {
            Some(Parameter { value: set @ None, .. }) => {
                *set = Some(value.into());
                return self;
            }
            Some(_) => format!("the parameter {name} has two values"),
            None => format!("the statement has no parameter {name}"),
        };
        self.mistake.get_or_insert(mistake);
        self
    }

    /// Sets the values of several parameters.
    pub fn bind_all<'a>(self, values: impl IntoIterator<Item = (&'a str, Value)>) -> Self {
        values.into_iter().fold(self, |statement, (name, value)| statement.bind(name, value))
    }

    /// Runs the statement and returns its rows.
    ///
    /// # Errors
    /// [`SqlError::Parameters`], as for the other functions that run it, if a parameter has no value or two values, or
    /// if a value has no parameter. The statement did not run.
    pub async fn query(self, connection: &dyn Connection) -> Result<Vec<Row>, SqlError> {
        let (text, values) = self.numbered()?;
        connection.query(&text, &values).await
    }

    /// Runs the statement and returns its first row, or `None` if it has no rows.
    pub async fn query_first(self, connection: &dyn Connection) -> Result<Option<Row>, SqlError> {
        Ok(self.query(connection).await?.into_iter().next())
    }

    /// Runs the statement and returns the number of affected rows.
    pub async fn execute(self, connection: &dyn Connection) -> Result<u64, SqlError> {
        let (text, values) = self.numbered()?;
        connection.execute(&text, &values).await
    }

    /// Returns the statement with numbered parameters, and their values.
    fn numbered(self) -> Result<(String, Vec<Value>), SqlError> {
        if let Some(mistake) = self.mistake {
            return Err(SqlError::Parameters(mistake));
        }
        let values = self.parameters.into_iter().map(|Parameter { name, value }| {
            value.ok_or_else(|| SqlError::Parameters(format!("the parameter {name} has no value")))
        });
        Ok((self.text, values.collect::<Result<_, _>>()?))
    }
}

/// Returns the name of the parameter at the start of `text`, without its colon; an empty text if there is none.
fn parameter_name(text: &str) -> &str {
    let name = text.strip_prefix(':').unwrap_or_default();
    let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
    let is_name = |byte: &u8| is_letter(*byte) || byte.is_ascii_digit();
    let length = name.bytes().take_while(is_name).count();
    if name.bytes().next().is_some_and(is_letter) { &name[..length] } else { "" }
}

/// Returns the length of the token at the start of `text`, which is not a parameter and contains none.
fn verbatim_length(text: &str) -> usize {
    let end = |start: usize, end: &str| {
        text[start..].find(end).map_or(text.len(), |length| start + length + end.len())
    };
    match text.as_bytes() {
        [b'\'', ..] => end(1, "'"),
        [b'"', ..] => end(1, "\""),
        [b'-', b'-', ..] => end(2, "\n"),
        [b'/', b'*', ..] => end(2, "*/"),
        [b':', b':', ..] => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbered(statement: &str) -> String {
        Statement::new(statement).text
    }

    fn mistake(statement: Statement) -> String {
        statement.numbered().unwrap_err().to_string()
    }

    #[test]
    fn names_are_numbered_by_first_use() {
        let statement =
            "SELECT :b, :a_2 FROM t WHERE (:b IS NULL OR x = ANY(:c::text[])) AND y<:a_2";
        let expected = "SELECT $1, $2 FROM t WHERE ($1 IS NULL OR x = ANY($3::text[])) AND y<$2";
        assert_eq!(numbered(statement), expected);
        let statement = Statement::new(statement).bind("c", "z").bind("a_2", 2_i64).bind("b", true);
        let (_, values) = statement.numbered().unwrap();
        assert_eq!(values, [true.into(), 2_i64.into(), "z".into()]);
    }

    #[test]
    fn only_names_are_replaced() {
        for verbatim in [
            "",
            "SELECT 1",
            "SELECT x::text, now()::timestamp",
            "SELECT ':a', 'it''s :a', '', ':a'",
            "SELECT \":a\" FROM \"b:a\"",
            "SELECT f(a := 1), a [1 : 2], 12 : 3",
            "SELECT 1 -- :a, it's\n, 2",
            "SELECT 4 / 2 /* it's :a */ - 1",
            "SELECT 1 -- :a",
            "SELECT ':a",
            "SELECT :",
            "SELECT 'é:a', é",
        ] {
            assert_eq!(numbered(verbatim), verbatim);
        }
        assert_eq!(numbered(":a::text"), "$1::text");
        assert_eq!(numbered("':a' || :a - -:b"), "':a' || $1 - -$2");
        assert_eq!(numbered("-- :a\n:b/* :c */:d"), "-- :a\n$1/* :c */$2");
        assert_eq!(numbered("f(x => :x, y := :y)"), "f(x => $1, y := $2)");
    }

    #[test]
    fn names_and_values_must_match() {
        let statement = || Statement::new("SELECT :a, :b").bind("a", 1);
        assert!(mistake(statement()).contains("b has no value"));
        assert!(mistake(statement().bind("b", 1).bind("c", 1)).contains("has no parameter c"));
        assert!(mistake(statement().bind("b", 1).bind("a", 2)).contains("a has two values"));
        assert!(mistake(statement().bind("c", 1).bind("d", 1)).contains("has no parameter c"));
        let null = statement().bind_all([("b", Value::Null)]);
        assert_eq!(null.numbered().unwrap().1, [1.into(), Value::Null]);
    }
}
