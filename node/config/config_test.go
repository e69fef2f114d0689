package config

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// load reads a file with the given text, in the place of "node.yaml".
func load(t *testing.T, text string, environ []string, flags ...Flag) (Config, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "node.yaml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return Load(Sources{File: path, Environ: environ, Flags: flags, Host: "Starling-1.example.org"})
}

func TestAnEmptyFileIsAWorkingConfiguration(t *testing.T) {
	for _, text := range []string{"", "# nothing yet\n", "offers:\n", "{}\n"} {
		c, err := load(t, text, nil)
		require.NoError(t, err, text)
		assert.Equal(t, "starling-1", c.Name, "from the host's name")
		assert.Equal(t, "http://127.0.0.1:7733", c.URL)
		assert.Empty(t, c.Executors, "nothing is run unless it was asked for")
		assert.Equal(t, 300*time.Second, c.Offers.HoldTime)
		assert.False(t, c.Executor.Staging.AllowPrivate)
	}
}

func TestNoFileIsAsGoodAsAnEmptyOne(t *testing.T) {
	c, err := Load(Sources{})
	require.NoError(t, err)
	assert.Equal(t, "dev", c.Name, "where the host has no name either")
}

func TestDevelopmentOpensWhatARealNodeKeepsShut(t *testing.T) {
	c, err := load(t, "", nil, Flag{"--dev", "dev", "true"})
	require.NoError(t, err)
	assert.Equal(t, "dev", c.Name)
	assert.Equal(t, []string{"process", "simulator"}, c.Executors)
	assert.True(t, c.Executor.Staging.AllowPrivate)

	c, err = load(t, "dev: true\nexecutors: []\nexecutor: {staging: {allowPrivate: false}}\n", nil)
	require.NoError(t, err)
	assert.Empty(t, c.Executors, "what is said counts, in development too")
	assert.False(t, c.Executor.Staging.AllowPrivate)
}

func TestFlagsOverrideTheEnvironmentWhichOverridesTheFile(t *testing.T) {
	file := "offers: {perRequest: 1, holdTime: 10s, holdShare: 0.1}\nexecutors: [simulator]\n"
	environ := []string{"STARLING_OFFERS_PERREQUEST=2", "STARLING_OFFERS_HOLDTIME=20s", "STARLING_NODE=http://x", "STARLING_CA=ca.pem", "STARLING_SESSION=1", "HOME=/"}
	c, err := load(t, file, environ, Flag{"--set", "offers.perRequest", "3"}, Flag{"--executors", "executors", ""})
	require.NoError(t, err)
	assert.Equal(t, 3, c.Offers.PerRequest)
	assert.Equal(t, 20*time.Second, c.Offers.HoldTime)
	assert.InDelta(t, 0.1, c.Offers.HoldShare, 0)
	assert.Equal(t, []string{}, c.Executors, "an empty flag empties a list")
}

func TestATableInTheFileReplacesTheDefaultOne(t *testing.T) {
	c, err := load(t, `
tariff:
  rates: {core-seconds: {price: 0.1}}
  daily: [{from: 22:00, to: "06:00", factor: 0.5}]
proxies: [10.0.0.0/8, "::1"]
executors: [process, simulator]
`, nil)
	require.NoError(t, err)
	assert.Equal(t, map[string]Rate{"core-seconds": {Price: "0.1"}}, c.Tariff.Rates)
	assert.Equal(t, []Daily{{From: "22:00", To: "06:00", Factor: "0.5"}}, c.Tariff.Daily)
	assert.Equal(t, "EUR", c.Tariff.Currency)
	assert.Equal(t, []string{"10.0.0.0/8", "::1"}, c.Proxies)
}

func TestWhatIsWrongIsNamedWithItsLine(t *testing.T) {
	for name, tt := range map[string]struct{ file, want string }{
		"unknown key": {
			"name: a\nofers:\n  holdTime: 1m\n",
			"node.yaml:2: ofers: unknown key; did you mean offers?",
		},
		"misspelt": {
			"offers:\n  hold-time: 1m\n",
			"node.yaml:2: offers.hold-time: unknown key; did you mean holdTime?",
		},
		"swapped letters": {
			"offers:\n  hodlTime: 1m\n",
			"node.yaml:2: offers.hodlTime: unknown key; did you mean holdTime?",
		},
		"in the wrong place": {
			"holdTime: 1m\n",
			"node.yaml:1: holdTime: unknown key; did you mean offers.holdTime?",
		},
		"like nothing": {
			"log:\n  colour: red\n",
			"node.yaml:2: log.colour: unknown key; there are format, level",
		},
		"twice": {
			"name: a\nname: b\n",
			"node.yaml:2: name: already set in line 1",
		},
		"no duration": {
			"offers:\n\n  holdTime: soon\n",
			`node.yaml:3: offers.holdTime: "soon" is not a duration; write it as 300s, 5m or 1h30m`,
		},
		"no unit": {
			"offers: {holdTime: 300}\n",
			`node.yaml:1: offers.holdTime: "300" has no unit; write 300s for seconds, or use m and h`,
		},
		"too short": {
			"offers: {holdTime: 1ms}\n",
			"node.yaml:1: offers.holdTime: 1ms is out of bounds; it must be from 1s to 24h",
		},
		"no size": {
			"limits: {body: 1 MB}\n",
			`node.yaml:1: limits.body: "1 MB" is not a size; write bytes, or use KiB, MiB, GiB, TiB: 1MiB`,
		},
		"a huge size": {
			"limits: {body: 99999999999 PiB}\n",
			`node.yaml:1: limits.body: "99999999999 PiB" is not a size; write bytes, or use KiB, MiB, GiB, TiB: 1MiB`,
		},
		"too many": {
			"offers: {perRequest: 65}\n",
			"node.yaml:1: offers.perRequest: 65 is out of bounds; it must be from 1 to 64",
		},
		"no number": {
			"capacity: {cores: four}\n",
			`node.yaml:1: capacity.cores: "four" is not a whole number`,
		},
		"no float": {
			"offers: {holdShare: .nan}\n",
			`node.yaml:1: offers.holdShare: ".nan" is not a number`,
		},
		"yes": {
			"dev: yes\n",
			`node.yaml:1: dev: "yes" is neither true nor false`,
		},
		"an unknown name": {
			"log: {level: warning}\n",
			`node.yaml:1: log.level: "warning" is unknown; it must be debug, info, warn or error`,
		},
		"an unknown executor": {
			"executors:\n  - process\n  - podman\n",
			`node.yaml:3: executors[1]: "podman" is unknown; it must be process, docker or simulator`,
		},
		"an executor twice": {
			"executors: [process, process]\n",
			"node.yaml:1: executors: names an executor twice",
		},
		"a value for a block": {
			"offers: 4\n",
			`node.yaml:1: offers: want keys and values, found "4"`,
		},
		"a list for a value": {
			"name: [a]\n",
			"node.yaml:1: name: want one value, found a list",
		},
		"a value for a list": {
			"proxies: 10.0.0.1\n",
			`node.yaml:1: proxies: want a list, as [a, b] is, found "10.0.0.1"`,
		},
		"an alias": {
			"log: &l {level: info}\nsite: *l\n",
			"node.yaml:2: site: want keys and values, found an alias (*l), which is not read here",
		},
		"a list": {
			"- name\n",
			"node.yaml:1: want keys and values, found a list",
		},
		"two documents": {
			"name: a\n---\nname: b\n",
			"node.yaml: more than one YAML document; there must be one",
		},
		"no YAML": {
			"name: a\n  dev: b\n",
			"node.yaml:2: not YAML: mapping values are not allowed in this context",
		},
		"a bad name": {
			"name: My_Node\n",
			`node.yaml:1: name: node name "My_Node": want lower-case letters, digits and inner hyphens`,
		},
		"no port": {
			"http: localhost\n",
			`node.yaml:1: http: "localhost" is not HOST:PORT, as 127.0.0.1:7733 is`,
		},
		"open to all in development": {
			"dev: true\nhttp: 192.0.2.1:80\n",
			"node.yaml:2: http: 192.0.2.1:80 can be reached from outside; a development node listens on loopback only, as 127.0.0.1:80 is",
		},
		"a wildcard without a URL": {
			"http: :7733\n",
			"default: url: is needed with the wildcard address :7733: clients must know under which name to find this node",
		},
		"no base URL": {
			"url: https://example.org/?a=b\n",
			`node.yaml:1: url: "https://example.org/?a=b" is not the base of URLs, as https://broker.example.org is`,
		},
		"default longer than the longest": {
			"offers:\n  maxDuration: 10m\n",
			"default: offers.defaultDuration: 1h is longer than offers.maxDuration, 10m",
		},
		"no proxy": {
			"proxies: [localhost]\n",
			`node.yaml:1: proxies: entry 1, "localhost", is neither an address nor a network, as 10.0.0.0/8 is`,
		},
		"no currency": {
			"tariff: {currency: euro}\n",
			`node.yaml:1: tariff.currency: "euro" is not three capital letters, as EUR is`,
		},
		"a price below nothing": {
			"tariff:\n  rates:\n    core-seconds: {price: -1}\n",
			`node.yaml:3: tariff.rates.core-seconds.price: "-1" is out of range; it must be 0 or more, in at most 64 characters`,
		},
		"no price": {
			"tariff:\n  rates:\n    core-seconds: {price: 0x1p-2}\n",
			`node.yaml:3: tariff.rates.core-seconds.price: "0x1p-2" is not a decimal number, as 0.0025 is`,
		},
		"an unknown part of a rate": {
			"tariff:\n  rates:\n    core-seconds: {prise: 1}\n",
			"node.yaml:3: tariff.rates.core-seconds.prise: unknown key; did you mean price?",
		},
		"a rate twice": {
			"tariff:\n  rates:\n    a: {}\n    a: {}\n",
			"node.yaml:4: tariff.rates.a: set twice",
		},
		"a time without its end": {
			"tariff:\n  daily:\n    - {from: 22:00, factor: 1}\n",
			"node.yaml:3: tariff.daily[0].to: is missing",
		},
		"a misspelt usage": {
			"tariff:\n  models:\n    - name: a\n      cost: 1.0\n    - name: b\n      cost: usage[\"core-second\"] * 2.0\n",
			`node.yaml:6: tariff.models[1].cost: column 7: usage has no "core-second"; did you mean core-seconds?`,
		},
		"a misspelt band": {
			"tariff:\n  models:\n    - name: a\n      bands:\n        - from: 22:00\n          to: 06:00\n          cost: |\n            hours *\n              session.core\n",
			`node.yaml:7: tariff.models[0].bands[0].cost: line 2, column 10: session has no core; did you mean cores?`,
		},
		"a model without a cost": {
			"tariff:\n  models:\n    - name: a\n",
			`node.yaml:3: tariff.models[0].cost: is missing: write an expression, as usage["core-seconds"] / 3600.0 * 0.03 is, or bands that have one`,
		},
		"a resource without a unit": {
			"tariff:\n  models:\n    - name: a\n      resource: water\n      cost: 1.0\n",
			"node.yaml:3: tariff.models[0].unit: is missing: in what is water counted?",
		},
		"no day": {
			"tariff:\n  models:\n    - {name: a, cost: '1.0', from: 2026B}\n",
			`node.yaml:3: tariff.models[0].from: "2026B" is neither a day, as 2026-08-01, nor an instant, as 2026-08-01T12:00:00Z`,
		},
		"a day of no week": {
			"tariff:\n  daily:\n    - {from: 22:00, to: 06:00, days: [Sonntag], factor: 1}\n",
			`node.yaml:3: tariff.daily[0].days[0]: "Sonntag" is unknown; it must be mon, tue, wed, thu, fri, sat or sun`,
		},
		"hours that overlap": {
			"tariff:\n  daily:\n    - {from: 22:00, to: 06:00, factor: 1}\n    - {from: 05:00, to: 07:00, factor: 1}\n",
			`node.yaml:4: tariff.daily[1]: two of the times overlap on mon, 05:00`,
		},
		"a discount for nobody": {
			"tariff:\n  discounts:\n    - {name: a, owner: P-7, percent: 10}\n",
			`node.yaml:3: tariff.discounts[0].owner: "P-7" is not one of proposal:ID, programme:ID, tag:ID, group:ID, user:NAME`,
		},
		"no time of day": {
			"tariff:\n  daily:\n    - {from: 25:00, to: 06:00, factor: 1}\n",
			`node.yaml:3: tariff.daily[0].from: "25:00" is not a time of day; write it in quotes, as "22:00"`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := load(t, tt.file, nil)
			require.Error(t, err)
			assert.Equal(t, tt.want, err.Error())
			var one *Error
			assert.True(t, errors.As(err, &one))
		})
	}
}

func TestATariffMayHaveModels(t *testing.T) {
	c, err := load(t, `
tariff:
  usage: [dark-time]
  models:
    - name: dark
      from: 2026-08-01
      until: 2027-02-01T00:00:00Z
      cost: usage["dark-time"] * 0.5
      bands: [{from: "22:00", to: "06:00", days: [sat, sun], cost: hours * 2.0}]
  discounts: [{name: friends, owner: "proposal:P-7", percent: 10}]
`, nil)
	require.NoError(t, err)
	assert.Equal(t, time.Date(2026, 8, 1, 0, 0, 0, 0, time.UTC), c.Tariff.Models[0].From.Time())
	made, err := c.Tariff.Costs()
	require.NoError(t, err)
	assert.Len(t, made.Units(), 3)
	assert.NotEqual(t, Default(false).Tariff, c.Tariff)
}

func TestAllThatIsWrongIsReportedAtOnce(t *testing.T) {
	_, err := load(t, "nam: a\nhttp: x\n", []string{"STARLING_OFFER_HOLDTIME=1s", "STARLING_DEV=1"},
		Flag{"--set", "log.levle", "info"}, Flag{"--http", "http", "0.0.0.0:1"})
	require.Error(t, err)
	assert.Equal(t, []string{
		"node.yaml:1: nam: unknown key; did you mean name?",
		`STARLING_DEV: dev: "1" is neither true nor false`,
		"STARLING_OFFER_HOLDTIME: unknown variable; did you mean STARLING_OFFERS_HOLDTIME?",
		"--set: log.levle: unknown key; did you mean log.level?",
		"default: url: is needed with the wildcard address 0.0.0.0:1: clients must know under which name to find this node",
	}, strings.Split(err.Error(), "\n"))
}

func TestAFileThatCannotBeReadIsAnError(t *testing.T) {
	_, err := Load(Sources{File: filepath.Join(t.TempDir(), "none.yaml"), Serve: true})
	require.ErrorContains(t, err, "read the configuration: open")
	assert.NotContains(t, err.Error(), "auth.issuers", "what is in the file isn't missing")

	_, err = load(t, strings.Repeat("#", maxFile+1), nil)
	require.ErrorContains(t, err, "at most 1 MiB")
}

func TestCapacityFlagSetsEachResource(t *testing.T) {
	flags, err := CapacityFlags("--capacity", "cores=8, memory=16,gpus=0")
	require.NoError(t, err)
	c, err := load(t, "", nil, flags...)
	require.NoError(t, err)
	assert.Equal(t, Capacity{Cores: 8, Memory: 16}, c.Capacity)
	assert.Equal(t, Capacity{Cores: 8, Memory: 16, Storage: 3}, c.Capacity.Or(Capacity{1, 2, 3, 4}))

	_, err = CapacityFlags("--capacity", "8")
	require.EqualError(t, err, "--capacity: want cores=8,memory=16,storage=100,gpus=0 (GiB)")

	flags, err = CapacityFlags("--capacity", "core=8")
	require.NoError(t, err)
	_, err = load(t, "", nil, flags...)
	require.EqualError(t, err, "--capacity: capacity.core: unknown key; did you mean capacity.cores?")
}

func TestTheMachineHasSomethingToGive(t *testing.T) {
	c, err := Machine(filepath.Join(t.TempDir(), "not", "yet"))
	require.NoError(t, err)
	assert.Positive(t, c.Cores)
	assert.Positive(t, c.Memory)
	assert.Positive(t, c.Storage)
	assert.Zero(t, c.GPUs)
}

func TestTheReferenceReadsBackAsTheDefaults(t *testing.T) {
	c, err := load(t, Reference(), nil)
	require.NoError(t, err, Reference())
	want := Default(false)
	want.derive("starling-1")
	want.Proxies, want.Tariff.Daily, want.Tariff.Usage = []string{}, []Daily{}, []string{} // written, so that they are seen
	want.Tariff.Models, want.Tariff.Discounts = []Model{}, []Discount{}
	want.DataTokens, want.StorageElements, want.Bandwidths = []DataToken{}, []StorageElement{}, []Link{}
	want.Auth.Issuers, want.Auth.Roles, want.Auth.Proposals = []Issuer{}, []RoleRule{}, []ProposalRule{}
	want.Policy.Rules, want.Policy.Quotas = []PolicyRule{}, []Quota{}
	assert.Equal(t, want, c)
}

func TestEveryKeyIsDocumented(t *testing.T) {
	said := comments()
	var visit func(keys []*key)
	visit = func(keys []*key) {
		for _, k := range keys {
			assert.NotEmpty(t, said[k.field], k.path)
			assert.Contains(t, Reference(), k.name+":", k.path)
			assert.NotEmpty(t, k.name, k.field)
			visit(k.inside)
		}
	}
	visit(schema().inside)
	for _, entry := range []reflect.Type{
		reflect.TypeFor[Rate](), reflect.TypeFor[Daily](), reflect.TypeFor[Model](), reflect.TypeFor[Band](), reflect.TypeFor[Discount](),
		reflect.TypeFor[Issuer](), reflect.TypeFor[RoleRule](), reflect.TypeFor[ProposalRule](),
	} {
		visit(keysOf(entry, ""))
	}
}

func TestDefaultsKeepTheirBounds(t *testing.T) {
	defaults := reflect.ValueOf(Default(true))
	for _, k := range schema().leaves() {
		value := defaults
		for name := range strings.SplitSeq(k.path, ".") {
			for i, f := range reflect.VisibleFields(value.Type()) {
				if f.Tag.Get("key") == name {
					value = value.Field(i)
					break
				}
			}
		}
		if k.example == "" && settable(k.kind) && k.kind.Kind() != reflect.Slice {
			_, err := parseScalar(scalarText(value), k.kind, k.bounds)
			assert.NoError(t, err, k.path)
		}
	}
}
