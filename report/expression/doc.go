// Package expression is the language in which a user says which rows count:
//
//	process.name == "python3" && remote.port == 443 && bytes > 1e6
//
// In two steps:
//
//  1. [Compile] reads a text against the fields that there are, and refuses what
//     makes no sense with an [Error] that points at its column.
//  2. [Program.Match] asks for one row.
//
// The grammar, with what binds least first:
//
//	expression = expression ("||" | "or") expression
//	           | expression ("&&" | "and") expression
//	           | ("!" | "not") expression
//	           | "(" expression ")"
//	           | field                                            of kind Truth
//	           | field ("==" | "!=") (value | field | "null")
//	           | field ("<" | "<=" | ">" | ">=") (value | field)  of kind Integer
//	           | field ("~" | "contains") text                    a regular expression (RE2), or a part
//	           | field "in" "(" value {"," value} ")"
//	value      = integer | text | "true" | "false"
//	integer    = 443 | 1e6 | 0x1f | 1.5ms                         ns, us, ms, s, m and h give nanoseconds
//	text       = "in double" | 'or single quotes'
//
// An Address equals a text that is an address, or a prefix that it lies in
// ("10.0.0.0/8"). A comparison with a cell that is NULL is neither true nor false, as
// in SQL; a row counts when the whole is true.
//
// The package knows nothing of tables.
package expression
