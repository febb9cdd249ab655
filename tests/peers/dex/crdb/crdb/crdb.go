// Package crdb has the one function that Dex's storage on CockroachDB calls, in the form of that time.
package crdb

import "database/sql"

// ExecuteTx runs f in a transaction, once.
func ExecuteTx(db *sql.DB, f func(*sql.Tx) error) error {
	tx, err := db.Begin()
	if err != nil {
		return err
	}
	if err := f(tx); err != nil {
		_ = tx.Rollback()
		return err
	}
	return tx.Commit()
}
