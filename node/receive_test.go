package node

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/api/despatch"
	"starling/api/ivoa"
	"starling/federation/identity"
	"starling/node/uploads"
)

// remote is a world in which one lent executor has taken up alice's session.
func remote(t *testing.T, retention time.Duration) (*world, *ivoa.Session, *despatch.Despatch) {
	sent, err := uploads.Open(uploads.Options{Dir: t.TempDir(), Space: 1 << 30})
	require.NoError(t, err)
	w := onlyLent(t, func(o *Options) { o.Uploads, o.UploadRetention = sent, retention })
	e := w.lend()
	s := w.accepted(alice, request(1))
	d, _ := w.poll(e)
	require.NotNil(t, d)
	return w, s, d
}

func (w *world) send(caller identity.Caller, d *despatch.Despatch, fence uint64, role, name, text string, whole bool) (despatch.Received, error) {
	p := despatch.Piece{Role: role, Name: name}
	if whole {
		p.Bytes, p.SHA256 = int64(len(text)), sumOf(text)
	}
	return w.Receive(context.Background(), caller, ref(w.t, d), fence, p, strings.NewReader(text))
}

func sumOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

func contentOf(t *testing.T, content io.ReadCloser, err error) string {
	t.Helper()
	require.NoError(t, err)
	defer content.Close()
	text, err := io.ReadAll(content)
	require.NoError(t, err)
	return string(text)
}

// What an executor elsewhere has sent is read here, while it grows and after the
// end.
func TestSentFilesAreReadHere(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w, s, d := remote(t, time.Hour)
		printed := func() string {
			content, _, err := w.OpenOutput(context.Background(), alice, id(t, s), despatch.RoleStdout)
			return contentOf(t, content, err)
		}
		_, err := w.Report(context.Background(), robot, ref(t, d), despatch.Updates{Fence: d.Fence, Updates: []despatch.Update{
			{Key: "1", Type: despatch.FileSeen, File: &despatch.File{Name: "stdout", Role: despatch.RoleStdout}},
		}}, 0)
		require.NoError(t, err)
		assert.Empty(t, printed(), "nothing has come yet")
		_, err = w.send(robot, d, d.Fence, despatch.RoleStdout, "stdout", "one", false)
		require.NoError(t, err)
		assert.Equal(t, "one", printed())
		_, err = w.send(robot, d, d.Fence, despatch.RoleStdout, "stdout", "one two", true)
		require.NoError(t, err)
		_, err = w.send(robot, d, d.Fence, despatch.RoleOutput, "stdout", "a file of that name", true)
		require.NoError(t, err)
		done := completion(d, despatch.Completed)
		done.Files = []despatch.File{
			{Name: "stdout", Role: despatch.RoleStdout, Bytes: 7, SHA256: sumOf("one two")},
			{Name: "stdout", Bytes: 19, SHA256: sumOf("a file of that name")},
			{Name: "promised", Bytes: 3, SHA256: sumOf("abc")},
			{Name: "elsewhere", Location: "s3://bucket/x", Bytes: 3, SHA256: sumOf("abc")},
		}
		_, err = w.Complete(context.Background(), robot, ref(t, d), done)
		require.NoError(t, err)
		assert.Equal(t, "one two", printed())
		content, _, err := w.OpenFile(context.Background(), alice, id(t, s), "stdout")
		assert.Equal(t, "a file of that name", contentOf(t, content, err))
		_, _, err = w.OpenFile(context.Background(), alice, id(t, s), "promised")
		assert.Equal(t, CodeGone, codeOf(err))
		_, _, err = w.OpenFile(context.Background(), alice, id(t, s), "elsewhere")
		assert.Equal(t, CodeNotFound, codeOf(err))
		_, _, err = w.OpenFile(context.Background(), bob, id(t, s), "stdout")
		assert.Equal(t, CodeNotFound, codeOf(err), "promise 8")
		_, err = w.send(robot, d, d.Fence, despatch.RoleOutput, "late", "x", true)
		assert.Equal(t, CodeConflict, codeOf(err))
	})
}

// Promise 8: an executor that isn't built in can't have the node read its own
// disk, whatever location it names.
func TestPromise8AnExecutorsWordOpensNoFileOfTheNode(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w, s, d := remote(t, time.Hour)
		secret := filepath.Join(w.dir, "of-another-session")
		require.NoError(t, os.WriteFile(secret, []byte("secret"), 0o600))
		done := completion(d, despatch.Completed)
		done.Files = []despatch.File{{Name: "mine", Location: "file://" + secret, Bytes: 6, SHA256: sumOf("secret")}}
		_, err := w.Complete(context.Background(), robot, ref(t, d), done)
		require.NoError(t, err)
		_, _, err = w.OpenFile(context.Background(), alice, id(t, s), "mine")
		assert.Equal(t, CodeNotFound, codeOf(err))
	})
}

func TestOnlyTheHolderOfAnAttemptSendsItsFiles(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w, _, d := remote(t, time.Hour)
		for want, send := range map[Code]func() error{
			CodeNotFound: func() error { _, err := w.send(thief, d, d.Fence, "output", "a", "x", true); return err },
			CodeConflict: func() error { _, err := w.send(robot, d, d.Fence+1, "output", "a", "x", true); return err },
			CodeInvalid:  func() error { _, err := w.send(robot, d, d.Fence, "image", "a", "x", true); return err },
		} {
			assert.Equal(t, want, codeOf(send()))
		}
		assert.Zero(t, w.Broker.options.Uploads.Used())
	})
}

// Files that come over a slow line may come after the session's time; but the
// time that they have ends too.
func TestSavingMayTakeLongerThanTheSession(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w, s, d := remote(t, time.Hour)
		told := func(kind, action string) despatch.UpdatesAnswer {
			answer, err := w.Report(context.Background(), robot, ref(t, d), despatch.Updates{Fence: d.Fence, Updates: []despatch.Update{
				{Key: kind + time.Now().String(), Type: kind, Action: action, Time: time.Now()},
			}}, 0)
			require.NoError(t, err)
			return answer
		}
		told(despatch.ActionStarted, "run")
		told(despatch.ActionCompleted, "run")
		began := time.Now()
		for told(despatch.Heartbeat, "").Stop == nil {
			_, err := w.send(robot, d, d.Fence, "output", "big", "", false)
			require.NoError(t, err)
			time.Sleep(20 * time.Second)
			synctest.Wait()
			require.Less(t, time.Since(began), 2*time.Hour, "it isn't stopped")
			assert.Equal(t, ivoa.SessionReleasing, w.session(s).Phase)
		}
		assert.Greater(t, time.Since(began), 59*time.Minute, "the session was for one")
	})
}

func TestSentFilesAreSweptWhenTheyAreOld(t *testing.T) {
	inTime(t, func(t *testing.T) {
		const ago = -200 * 365 * 24 * time.Hour // a bubble's clock is behind the disk's
		w, _, d := remote(t, ago)
		_, err := w.send(robot, d, d.Fence, "output", "a", "text", true)
		require.NoError(t, err)
		w.sweepUploads()
		assert.EqualValues(t, 4, w.Broker.options.Uploads.Used(), "it is in progress")
		_, err = w.Complete(context.Background(), robot, ref(t, d), completion(d, despatch.Completed))
		require.NoError(t, err)
		w.sweepUploads()
		assert.Zero(t, w.Broker.options.Uploads.Used())
	})
}
