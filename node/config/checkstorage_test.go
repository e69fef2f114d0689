package config

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/scheduling"
	"starling/scheduling/transfer"
)

func TestASiteSaysWhereItsDataLieAndHowFastTheyCome(t *testing.T) {
	c, err := load(t, `
storageElements:
  - {name: JPSRC_STORM, bandwidth: 2 GB/s, url: "https://Storm.example.org:8443/ska"}
  - {name: JPSRC_TAPE, bandwidth: 50MiB/s}
bandwidths: [{from: SPSRC_STORM, bandwidth: 10 Gbit/s}, {from: Archive.Example.org, bandwidth: 1.5 MB/s}, {from: "fd00::1", bandwidth: 1 TB/s}]
transfers: {bandwidth: 20 MB/s, start: 1s, size: 1GiB}
`, nil)
	require.NoError(t, err)
	assert.Equal(t, transfer.Site{
		Elements: []transfer.Element{{Name: "JPSRC_STORM", Host: "storm.example.org", Rate: 2e9}, {Name: "JPSRC_TAPE", Rate: 50 << 20}},
		Links: []transfer.Link{
			{Source: transfer.Anywhere, Rate: 20e6}, {Source: "SPSRC_STORM", Rate: 1.25e9},
			{Source: "Archive.Example.org", Rate: 1.5e6}, {Source: "archive.example.org", Rate: 1.5e6}, {Source: "fd00::1", Rate: 1e12},
		},
		Start: scheduling.Second, Size: 1 << 30,
	}, c.TransferSite())

	c, err = load(t, "", nil)
	require.NoError(t, err)
	assert.Equal(t, transfer.Site{
		Links: []transfer.Link{{Source: transfer.Anywhere, Rate: transfer.DefaultRate}},
		Start: transfer.DefaultStart, Size: transfer.DefaultSize,
	}, c.TransferSite())
}

func TestWhatIsWrongWithStorageIsSaid(t *testing.T) {
	for text, want := range map[string]string{
		"storageElements: [{name: A, bandwidth: fast}]":                                                 `storageElements[0].bandwidth: "fast" is not a bandwidth; write bytes per second, as 200 MB/s`,
		"storageElements: [{name: A, bandwidth: 200 MB}]":                                               `"200 MB" is not a bandwidth`,
		"storageElements: [{name: A, bandwidth: -1 MB/s}]":                                              `"-1 MB/s" is not a bandwidth`,
		"storageElements: [{name: A, bandwidth: NaN MB/s}]":                                             `"NaN MB/s" is not a bandwidth`,
		"storageElements: [{name: A, bandwidth: 1e30 TB/s}]":                                            `"1e30 TB/s" is not a bandwidth`,
		"storageElements: [{name: A, bandwidth: 0 MB/s}]":                                               `storageElements[0].bandwidth: 0 MB/s is out of bounds; it must be from 1 kB/s to 1 TB/s`,
		"storageElements: [{name: A}]":                                                                  "storageElements[0].bandwidth: is missing",
		"storageElements: [{name: '', bandwidth: 1 GB/s}]":                                              `storageElements[0].name: "" is no name`,
		"storageElements: [{name: '*', bandwidth: 1 GB/s}]":                                             `storageElements[0].name: "*" is no name`,
		"storageElements: [{name: A, bandwidth: 1 GB/s}, {name: A, bandwidth: 1 GB/s}]":                 "storageElements[1].name: A is that of storageElements[0] too",
		"storageElements: [{name: A, bandwidth: 1 GB/s, url: 'https://u:p@h/'}]":                        "storageElements[0].url: \"https://u:p@h/\" is not the base of a storage",
		"storageElements: [{name: A, bandwidth: 1 GB/s, url: /mnt/storm}]":                              "storageElements[0].url",
		"bandwidths: [{from: 'https://h/', bandwidth: 1 GB/s}]":                                         `bandwidths[0].from: "https://h/" is neither the name of a storage element`,
		"bandwidths: [{from: '*', bandwidth: 1 GB/s}]":                                                  "bandwidths[0].from: * is no source; for all that have no entry of their own set transfers.bandwidth",
		"bandwidths: [{from: B, bandwidth: 1 GB/s}, {from: B, bandwidth: 1 GB/s}]":                      "bandwidths[1].from: B is that of bandwidths[0] too",
		"{bandwidths: [{from: A, bandwidth: 1 GB/s}], storageElements: [{name: A, bandwidth: 1 GB/s}]}": "bandwidths[0].from: A is this site's own; set storageElements[0].bandwidth",
		"transfers: {bandwidth: 1 B/s}":                                                                 "transfers.bandwidth",
	} {
		_, err := load(t, text+"\n", nil)
		assert.ErrorContains(t, err, want, text)
	}
}

func TestASiteHasABoundedNumberOfElementsAndLinks(t *testing.T) {
	elements, links := "", ""
	for i := range 251 {
		elements += fmt.Sprintf("{name: E%d, bandwidth: 1 GB/s}, ", i)
		links += fmt.Sprintf("{from: L%d, bandwidth: 1 GB/s}, ", i)
	}
	_, err := load(t, "storageElements: ["+elements+"]\n", nil)
	assert.ErrorContains(t, err, "storageElements: are 251; a site has at most 100")
	_, err = load(t, "bandwidths: ["+links+"]\n", nil)
	assert.ErrorContains(t, err, "bandwidths: are 251; at most 250 can be set")
}

func TestABandwidthIsWrittenAsItIsRead(t *testing.T) {
	for text, want := range map[string]string{
		"2 GB/s": "2 GB/s", "2GB/s": "2 GB/s", "50 MiB/s": "50 MiB/s", "1.5 GB/s": "1500 MB/s", "10 Gbit/s": "1250 MB/s", "8 kbit/s": "1 kB/s", "1024 TiB/s": "1024 TiB/s", "1.2345 kB/s": "1.235 kB/s",
	} {
		b, err := parseBandwidth(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, b.String(), text)
		again, err := parseBandwidth(b.String())
		require.NoError(t, err)
		assert.Equal(t, b, again)
	}
}
