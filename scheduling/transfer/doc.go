// Package transfer says how long data take to come to where they are needed.
//
// Data lie in storage elements, or at hosts, and sites read from each with a
// bandwidth that is configured, guessed, and corrected by every staging that really
// happened. Of several replicas the one that comes fastest counts; one in an
// element of the site itself needs no transfer.
package transfer
