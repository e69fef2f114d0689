package config

import (
	"fmt"
	"maps"

	"github.com/go-viper/mapstructure/v2"
	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/v2"
)

// Sources are where settings come from, weakest first.
type Sources struct {
	// File is the path of the configuration file; "" for none.
	File string
	// Environ is the environment, in the form of os.Environ.
	Environ []string
	// Flags are the settings of the command line.
	Flags []Flag
	// Serve is set by who is going to serve with it: then a configuration that would
	// be insecure is refused.
	Serve bool
	// Host is the host's name, from which a node without a name takes one.
	Host string
}

// Load reads all sources and returns the configuration, complete but for the
// capacities that are zero: those are the machine's (see Capacity.Or). The
// error joins one Error for each thing that is wrong.
func Load(from Sources) (Config, error) {
	root := schema()
	var bad problems
	file, where, err := readFile(root, from.File, &bad)
	if err != nil {
		return Config{}, err // what else is missing would be in it
	}
	layers := []layer{
		file,
		environment(root, from.Environ, &bad),
		flagged(root, from.Flags, &bad),
	}
	c, err := merge(layers)
	if err != nil {
		return Config{}, fmt.Errorf("merge the configuration: %w", err)
	}
	c.derive(from.Host)
	k := checker{provenance(where, layers), &bad}
	c.check(k)
	if from.Serve {
		k.secure(&c)
	}
	if err := bad.err(); err != nil {
		return Config{}, err
	}
	return c, nil
}

// merge lays the layers over each other, and the result over the defaults.
func merge(layers []layer) (Config, error) {
	merged := koanf.New(".")
	for _, l := range layers {
		if err := merged.Load(confmap.Provider(l.values(), "."), nil); err != nil {
			return Config{}, err
		}
	}
	c := Default(merged.Bool("dev"))
	err := merged.UnmarshalWithConf("", &c, koanf.UnmarshalConf{DecoderConfig: &mapstructure.DecoderConfig{
		TagName: "key",
		// A list or a table replaces the default one, rather than adding to it.
		ZeroFields: true,
	}})
	return c, err
}

// provenance says for each key that is set where the value stands that won, and
// for what lies within the file's lists where that stands.
func provenance(where map[string]string, layers []layer) map[string]string {
	sources := map[string]string{}
	maps.Copy(sources, where)
	for _, l := range layers {
		for path, s := range l {
			sources[path] = s.source
		}
	}
	return sources
}
