// Package address judges the addresses that a node is asked to connect to, by
// users (data to be fetched) and by executors (connectors to be reached). It
// knows which are never good, which are the site's own, and what an executor
// has registered. It connects to nothing itself.
package address
