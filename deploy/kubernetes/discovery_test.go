package kubernetes

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// kinds are those that a server has which any cluster has, by their group's version.
var kinds = map[string][]meta.APIResource{
	"v1": {
		{Name: "namespaces", Kind: "Namespace"}, {Name: "configmaps", Kind: "ConfigMap", Namespaced: true},
		{Name: "services", Kind: "Service", Namespaced: true},
	},
	"apps/v1":              {{Name: "statefulsets", Kind: "StatefulSet", Namespaced: true}},
	"networking.k8s.io/v1": {{Name: "networkpolicies", Kind: "NetworkPolicy", Namespaced: true}},
	"policy/v1":            {{Name: "poddisruptionbudgets", Kind: "PodDisruptionBudget", Namespaced: true}},
}

// discovery serves what kubectl asks before it reads a manifest, and returns the path of
// a configuration that leads it there.
func discovery(t *testing.T) string {
	t.Helper()
	mux := http.NewServeMux()
	answer := func(path string, document any) {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(document)
		})
	}
	groups := meta.APIGroupList{TypeMeta: meta.TypeMeta{Kind: "APIGroupList", APIVersion: "v1"}}
	for version, resources := range kinds {
		for i := range resources {
			resources[i].Verbs = meta.Verbs{"create", "get", "list"}
		}
		path := "/api/v1"
		if group, name := filepath.Split(version); group != "" {
			path = "/apis/" + version
			of := meta.GroupVersionForDiscovery{GroupVersion: version, Version: name}
			groups.Groups = append(groups.Groups, meta.APIGroup{Name: filepath.Dir(version), Versions: []meta.GroupVersionForDiscovery{of}, PreferredVersion: of})
		}
		answer(path, meta.APIResourceList{TypeMeta: meta.TypeMeta{Kind: "APIResourceList", APIVersion: "v1"}, GroupVersion: version, APIResources: resources})
	}
	answer("/api", meta.APIVersions{TypeMeta: meta.TypeMeta{Kind: "APIVersions"}, Versions: []string{"v1"}})
	answer("/apis", groups)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	path := filepath.Join(t.TempDir(), "kubeconfig")
	require.NoError(t, os.WriteFile(path, fmt.Appendf(nil, `{apiVersion: v1, kind: Config, current-context: test,
clusters: [{name: test, cluster: {server: %q}}], contexts: [{name: test, context: {cluster: test, user: ""}}]}`, server.URL), 0o600))
	return path
}
