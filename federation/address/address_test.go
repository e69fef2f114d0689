package address

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestARangeIsReadAsItIsWritten(t *testing.T) {
	for text, want := range map[string]string{
		"172.18.0.0/16":         "172.18.0.0/16",
		"172.18.3.4/16":         "172.18.0.0/16",
		"172.18.0.2":            "172.18.0.2/32",
		"172.18.0.2:8888":       "172.18.0.2/32:8888",
		"172.18.0.0/16:8888":    "172.18.0.0/16:8888",
		"::1":                   "::1/128",
		"fd00::/8":              "fd00::/8",
		"[fd00::1]:80":          "[fd00::1]/128:80",
		"[fd00::]/64:80":        "[fd00::]/64:80",
		"[fd00::]/64":           "fd00::/64",
		"[::ffff:10.0.0.1]:80":  "10.0.0.1/32:80",
		"[::ffff:10.0.0.0]/104": "10.0.0.0/8",
		"0.0.0.0/0":             "0.0.0.0/0",
	} {
		r, err := ParseRange(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, r.String())
		again, err := ParseRange(r.String())
		require.NoError(t, err)
		assert.Equal(t, r, again)
	}
}

func TestWhatIsNoRangeIsRefused(t *testing.T) {
	for _, text := range []string{"", "localhost", "localhost:80", "10.0.0.1:0", "10.0.0.1:70000", "10.0.0.1:", "10.0.0.0/33", "10.0.0.0/-1",
		"10.0.0.0/8/8", "http://10.0.0.1", "fe80::1%eth0", "[fd00::1", "[::ffff:10.0.0.0]/8", ":80", "10.0.0.1:80:80"} {
		_, err := ParseRange(text)
		assert.ErrorIs(t, err, ErrRange, text)
	}
}

func TestOnlyWhatWasRegisteredIsContained(t *testing.T) {
	ranges, _, err := ParseRanges([]string{"172.18.0.0/16:8888", "10.0.0.0/8", "169.254.0.0/16", "fd00::/64", "127.0.0.0/8", "::/0", "0.0.0.0/0:99"})
	require.NoError(t, err)
	for to, want := range map[string]bool{
		"172.18.0.2:8888": true, "172.18.0.2:8889": false, "172.19.0.2:8888": false,
		"[::ffff:172.18.0.2]:8888": true, "[64:ff9b::ac12:2]:8888": true, "10.1.2.3:22": true,
		"127.0.0.1:1": true, "[fd00::1]:7": true,
		"169.254.169.254:80": false, "100.100.100.200:99": false, "[fd00:ec2::254]:80": false, "[fe80::1]:80": false,
		"0.0.0.0:99": false, "[::]:80": false, "224.0.0.1:99": false, "[::ffff:169.254.169.254]:99": false, "8.8.8.8:99": true, "8.8.8.8:98": false,
	} {
		assert.Equal(t, want, ranges.Contain(netip.MustParseAddrPort(to)), to)
	}
}

func TestASourceIsWhatOneSenderHas(t *testing.T) {
	for ip, want := range map[string]string{
		"192.0.2.1": "192.0.2.1", "::ffff:192.0.2.1": "192.0.2.1",
		"2001:db8::1": "2001:db8::", "2001:db8::ffff:1": "2001:db8::", "2001:db8:0:1::1": "2001:db8:0:1::", "fe80::1%eth0": "fe80::",
	} {
		assert.Equal(t, netip.MustParseAddr(want), Source(netip.MustParseAddr(ip)), ip)
	}
	assert.Equal(t, netip.Addr{}, Source(netip.Addr{}))
}

func FuzzParseRange(f *testing.F) {
	for _, seed := range []string{"172.18.0.0/16:8888", "[fd00::]/64:80", "::1", "10.0.0.1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := ParseRange(text)
		if err != nil {
			return
		}
		again, err := ParseRange(r.String())
		require.NoError(t, err)
		assert.Equal(t, r, again)
		assert.True(t, r.Covers(again))
	})
}
