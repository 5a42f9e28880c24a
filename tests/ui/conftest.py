import os
import tempfile

# Chainlit writes its configuration into this folder when it is imported; the repository is not the place for that.
os.environ.setdefault("CHAINLIT_APP_ROOT", tempfile.mkdtemp(prefix="chat-"))
