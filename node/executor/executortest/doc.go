// Package executortest tests executors: a Node that stands in for the broker's
// side of the despatch protocol and can be told to misbehave, and a Suite of
// tests that every backend has to pass.
package executortest
