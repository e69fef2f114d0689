// Package transfer says how long data take to come to where they are needed.
//
// Data lie in storage elements, or at hosts, and a site reads from each at a rate
// that is configured, taken for granted, and corrected by every staging that really
// happened. An Item is what a session reads and where that is to be had; a Model is
// what is known of one site, this one or another; its Plan says for each item from
// where it comes, and how long all of them take.
//
// Of several sources one in a storage element of the site itself is taken, since
// nothing has to be moved then, else the fastest. What is local isn't there at once
// all the same: it is read at the rate of its element. Items come one after the
// other, as an executor stages them. An item of which nobody knows the size counts
// as one of a size that the site has configured.
//
// What others know comes in as it is: New bounds it.
package transfer
