# The image of every service: worker, beat, api, flower, migrate. Which one it is, its command says.

FROM python:3.11-slim-bookworm AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/bakeoff
WORKDIR /source
COPY runtime.lock .
RUN /opt/bakeoff/bin/pip install --quiet --require-hashes -r runtime.lock
COPY . .
RUN /opt/bakeoff/bin/pip install --quiet --no-deps --no-build-isolation . \
 && /opt/bakeoff/bin/python -m compileall -q /opt/bakeoff/lib

FROM python:3.11-slim-bookworm
# libgomp1: OpenMP for scikit-learn, LightGBM and XGBoost.
RUN apt-get update -qq \
 && apt-get install -y -qq --no-install-recommends libgomp1 \
 && rm -rf /var/lib/apt/lists/*
RUN useradd --uid 10001 --create-home bakeoff \
 && install -d -o bakeoff -g bakeoff /project /project/data /project/shared
COPY --from=build /opt/bakeoff /opt/bakeoff
ENV PATH=/opt/bakeoff/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
WORKDIR /project
USER bakeoff
CMD ["bakeoff", "--help"]
