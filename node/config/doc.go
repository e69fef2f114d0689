// Package config is everything that can be set about a node, in one typed
// struct: [Config].
//
// A value comes from four places, each of which overrides the one before: the
// defaults, the configuration file (YAML), the environment (STARLING_…) and the
// command line. The defaults are good enough that the file can be empty.
//
// Nothing is guessed. An unknown key or a bad value is an [Error] that says
// where it stands, what is wrong and what would be right; all of them are
// reported at once, so that a file is mended in one go.
//
// Each key is described once, in the comment at its field: the files *keys.go
// are embedded in the program, and [Reference] prints those comments as a
// commented YAML file, with bounds and defaults. To add a key, add a field with
// its comment and tags, and a default in defaults.go; reading, checking,
// environment and reference follow.
package config
