// Package request makes requests: of a file that somebody wrote, or of what
// somebody types in a hurry.
package request
