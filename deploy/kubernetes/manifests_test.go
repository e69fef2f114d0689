// Package kubernetes holds no code, only the tests that keep the manifests true.
//
// There is no cluster to ask. So each document is decoded into Kubernetes' own types, by
// which no property is misspelt, and kubectl creates them all in a dry run, for which a
// server of a page tells it which kinds there are. That a cluster starts them is nowhere
// tested.
package kubernetes

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	"sigs.k8s.io/yaml"

	"starling/cmd/starling/site"
	"starling/node/config"
)

// kubectl runs Kubernetes' own client, which sees no configuration of ours.
func kubectl(t *testing.T, configuration string, args ...string) []byte {
	t.Helper()
	path, err := exec.LookPath("kubectl")
	if err != nil {
		t.Skip("kubectl is not there (.ci/run installs it)")
	}
	command := exec.Command(path, args...)
	command.Env = append(os.Environ(), "KUBECONFIG="+configuration, "HOME="+t.TempDir())
	var said bytes.Buffer
	command.Stderr = &said
	out, err := command.Output()
	require.NoError(t, err, "kubectl %v: %s", args, said.String())
	return out
}

// manifest is any of them.
type manifest struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Metadata   struct {
		Name      string `json:"name"`
		Namespace string `json:"namespace"`
	} `json:"metadata"`
	text []byte
}

// built are the documents that kustomize makes.
func built(t *testing.T) (list []manifest) {
	t.Helper()
	for _, text := range bytes.Split(kubectl(t, "/dev/null", "kustomize", "."), []byte("\n---\n")) {
		var m manifest
		require.NoError(t, yaml.Unmarshal(text, &m))
		m.text = text
		list = append(list, m)
	}
	require.GreaterOrEqual(t, len(list), 7)
	return list
}

// In whatever Kubernetes' types don't know a misspelt wall would be no wall.
func TestNoPropertyIsMisspelt(t *testing.T) {
	for _, m := range built(t) {
		into, known := map[string]any{
			"Namespace": &core.Namespace{}, "ConfigMap": &core.ConfigMap{}, "Service": &core.Service{},
			"StatefulSet": &apps.StatefulSet{}, "NetworkPolicy": &networking.NetworkPolicy{}, "PodDisruptionBudget": &policy.PodDisruptionBudget{},
		}[m.Kind]
		require.True(t, known, "the test knows no %s", m.Kind)
		assert.NoError(t, yaml.UnmarshalStrict(m.text, into), "%s %s", m.Kind, m.Metadata.Name)
	}
}

func TestKubectlTakesThemAll(t *testing.T) {
	manifests := built(t)
	path := filepath.Join(t.TempDir(), "all.yaml")
	require.NoError(t, os.WriteFile(path, kubectl(t, "/dev/null", "kustomize", "."), 0o600))
	said := kubectl(t, discovery(t), "create", "--dry-run=client", "--validate=false", "-f", path)
	assert.Equal(t, len(manifests), bytes.Count(said, []byte(" created (dry run)")), "%s", said)
}

// One writer, shut in as the profile restricted wants it, with the time to end well.
func TestTheNodeIsOneAndShutIn(t *testing.T) {
	var set apps.StatefulSet
	for _, m := range built(t) {
		if m.Kind == "StatefulSet" {
			require.NoError(t, yaml.Unmarshal(m.text, &set))
		}
	}
	assert.EqualValues(t, 1, *set.Spec.Replicas)
	pod := set.Spec.Template.Spec
	assert.Greater(t, *pod.TerminationGracePeriodSeconds, int64(2*site.Drain.Seconds()+10))
	assert.False(t, *pod.EnableServiceLinks, "variables STARLING_… would be taken for configuration")
	assert.False(t, *pod.AutomountServiceAccountToken)
	assert.True(t, *pod.SecurityContext.RunAsNonRoot)
	assert.Equal(t, core.SeccompProfileTypeRuntimeDefault, pod.SecurityContext.SeccompProfile.Type)
	require.Len(t, pod.Containers, 1)
	node := pod.Containers[0]
	assert.False(t, *node.SecurityContext.AllowPrivilegeEscalation)
	assert.True(t, *node.SecurityContext.ReadOnlyRootFilesystem)
	assert.Equal(t, []core.Capability{"ALL"}, node.SecurityContext.Capabilities.Drop)
	assert.Equal(t, "/readyz", node.ReadinessProbe.HTTPGet.Path)
	assert.Equal(t, "/healthz", node.LivenessProbe.HTTPGet.Path, "a full disk must not get the node killed")
	for _, v := range pod.Volumes {
		if v.Secret != nil {
			assert.EqualValues(t, 0o440, *v.Secret.DefaultMode, "the node refuses keys that others can read")
		}
	}
	for _, m := range node.VolumeMounts {
		assert.Empty(t, m.SubPath, "what is exchanged doesn't appear in a subPath")
	}
}

// The node's configuration is one, and looks where the volumes are.
func TestTheConfigurationIsOne(t *testing.T) {
	c, err := config.Load(config.Sources{File: "site.yaml", Host: "elsewhere"})
	require.NoError(t, err)
	mounted := []string{"/etc/starling/tls/", "/etc/starling/federation/", "/var/lib/starling"}
	for _, path := range []string{c.Data, c.TLS.Certificate, c.TLS.Key, c.Federation.CA, c.Federation.Certificate, c.Federation.Key, c.Federation.GossipKeys} {
		assert.True(t, slices.ContainsFunc(mounted, func(dir string) bool { return path == dir || filepath.Dir(path)+"/" == dir }), "%s is in no volume", path)
	}
}
