# One image for every service of docker-compose.yaml: the line, its schedule, the demo hosts.
FROM python:3.11.11-slim-bookworm

ENV PYTHONUNBUFFERED=1 \
    AIRFLOW_HOME=/opt/airflow \
    DISTRIBUTION_HOME=/var/lib/score-distribution \
    AIRFLOW__CORE__DAGS_FOLDER=/app/dags \
    AIRFLOW__CORE__PLUGINS_FOLDER=/app/plugins \
    AIRFLOW__CORE__LOAD_EXAMPLES=False \
    PYTHONPATH=/app

WORKDIR /app
RUN useradd --uid 50000 --create-home distribution \
    && install -d -o distribution -m 0700 /opt/airflow /var/lib/score-distribution

COPY requirements.txt ./
RUN pip install --no-cache-dir "$(grep -m1 '^uv==' requirements.txt)" \
    && uv pip install --system --no-cache --compile-bytecode -r requirements.txt

COPY pyproject.toml README.md LICENSE NOTICE ./
COPY distribution distribution
COPY dags dags
COPY plugins plugins
COPY templates templates
COPY tools tools
RUN uv pip install --system --no-cache --no-deps --editable .

USER distribution
CMD ["python", "-m", "distribution", "--help"]
