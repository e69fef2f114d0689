// Package relay leads one HTTP request, WebSockets included, to a program that
// runs in somebody's session, and its answer back. It trusts neither side: the
// program gets no credential of ours, and can't name, set or reach anything
// outside the path under which it is seen, as far as headers go.
package relay
