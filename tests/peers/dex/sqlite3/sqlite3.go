// Package sqlite3 has the names that Dex's storage on SQLite needs to be compiled; the tests keep everything in memory.
// The real one is a minute of work for a C compiler, which then a machine would have to have.
package sqlite3

// ErrNoExtended is SQLite's extended result code.
type ErrNoExtended int

// ErrConstraintPrimaryKey says that a row of that key is there.
const ErrConstraintPrimaryKey ErrNoExtended = 1555

// Error is what SQLite answers.
type Error struct{ ExtendedCode ErrNoExtended }

func (Error) Error() string { return "there is no SQLite in this program" }
