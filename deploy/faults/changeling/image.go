package changeling

import (
	"context"
	_ "embed" // the Dockerfile
	"os"
	"path/filepath"

	"github.com/moby/moby/client"

	"starling/deploy/launch"
)

//go:embed Dockerfile
var dockerfile []byte

// BuildImage makes the image of nodes that are changelings, beside a real starling, and
// returns its name (launch.Images.Node). Call it from within the repository.
func BuildImage(ctx context.Context, starling string) (string, error) {
	engine, err := client.New(client.FromEnv, client.WithUserAgent("starling"))
	if err != nil {
		return "", err
	}
	defer engine.Close()
	dir, err := os.MkdirTemp("", "changeling-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	program := filepath.Join(dir, "changeling")
	if err := launch.BuildStatic(ctx, "starling/deploy/faults/changeling/program", program); err != nil {
		return "", err
	}
	files := map[string][]byte{"Dockerfile": dockerfile}
	for name, path := range map[string]string{"starling": starling, "changeling": program} {
		if files[name], err = os.ReadFile(path); err != nil {
			return "", err
		}
	}
	return launch.BuildImage(ctx, engine, "starling-changeling", files)
}
