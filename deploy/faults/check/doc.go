// Package check holds sites to their promises (README, design: promises 1 to 9) from
// outside: by the record of a load, which knows every answer that was acknowledged, and
// by what each site tells now over its API. It knows nothing of what befell the sites,
// but for what its Options say.
//
// All asks every site for all that it tells of sessions, history and ledger, until they
// agree or the patience is over, and then looks for what can't be. What each finds
// is one line: the promise, the object, what was seen where, and the seed.
//
//	witness.go   what a site tells, asked until all tell the same, and the sums of what
//	             they hold (promise 5)
//	endings.go   accepted is run, ended once, never after it expired (promise 2)
//	offers.go    each offer is a register, and its history has one order (porcupine)
//	strong.go    so have strong reads and writes, which a minority has none of (porcupine)
//	attempts.go  one execution, one record, one completion (promises 3 and 6); stopped when
//	             it was cancelled (promise 7); every file that was promised is there
//	ledger.go    one charge, sums of zero, limits (promises 3 and 4)
//	pools.go     nothing is booked twice (promise 1)
//	secrecy.go   nobody sees what isn't theirs (promise 8)
//	refusals.go  a NO says why (promise 9)
package check
