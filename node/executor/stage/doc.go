// Package stage fetches simple data resources over HTTP into a directory.
//
// A file is streamed into a temporary file beside its destination, and renamed
// when its size and checksum are right, so that what bears the name is whole.
// A connection that breaks is taken up where it broke, if the server says that
// the file is still the same; a server that is busy is asked again. Where it may
// lead is package outbound's to say.
package stage
