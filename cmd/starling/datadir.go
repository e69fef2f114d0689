package main

import "path/filepath"

// Where serve and debug find what lies in a node's data directory.

// sessionsPath is the file of the session store, with the outbox in it.
func sessionsPath(data string) string { return filepath.Join(data, sessionsFile) }

// recordDir is the directory of the replicated state: history and ledger.
func recordDir(data string) string { return data }
